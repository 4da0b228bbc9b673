"""`portcall webhook`: az's commands and Portcall's own."""
