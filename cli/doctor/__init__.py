"""`portcall doctor`: checks and findings."""
