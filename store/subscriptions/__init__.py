"""The webhooks in memory: which of them an event is for."""
