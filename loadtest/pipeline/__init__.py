"""Load tests through a running Portcall: from publishing to the consumer's response."""
