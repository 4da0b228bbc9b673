"""`portcall dead-letters`: list, show, resend, purge and export dead letters."""
