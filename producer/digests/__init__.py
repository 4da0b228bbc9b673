"""Digests: whether one that an event names is a manifest or a blob."""
