"""Secrets: the keys, and what is sealed with them."""
