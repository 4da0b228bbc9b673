"""`portcall loadtest` and `portcall sink`: options, live view and run."""
