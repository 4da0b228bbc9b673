"""Digests: whether the digest of an event names a manifest or a blob."""
