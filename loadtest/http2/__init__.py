"""Sending over HTTP/2: many requests on one connection."""
