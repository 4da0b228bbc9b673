"""Scopes beyond ACR's: patterns over repository and tag, several of them, with exclusions."""
