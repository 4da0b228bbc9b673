"""`portcall loadtest` and `portcall sink`: options, the live view, the run."""
