"""TLS for the management API: certificates, their files, the server's context."""
