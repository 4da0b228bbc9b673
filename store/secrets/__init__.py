"""Secrets: the keys, and the values sealed with them."""
