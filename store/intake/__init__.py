"""The producer's data: known digests, and notifications that became no event."""
