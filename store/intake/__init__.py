"""What the producer keeps: digests it has seen, and notifications that became no event."""
