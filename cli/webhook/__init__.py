"""`portcall webhook`: az's commands and our own."""
