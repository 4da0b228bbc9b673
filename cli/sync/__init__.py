"""`portcall source sync`: what a registry has, against what Portcall has seen of it."""
