"""One module for each kind of source: its requests, translated into registry events."""
