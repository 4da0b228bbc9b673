"""Formats: the form in which a webhook gets its events; each is a pure renderer of one event."""
