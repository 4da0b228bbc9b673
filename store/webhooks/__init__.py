"""Registries and webhooks: what their owners set, and how each webhook stands."""
