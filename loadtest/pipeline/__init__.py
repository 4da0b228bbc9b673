"""Load tests through a running Portcall: events in, the consumer's answers out."""
