"""Registries and webhooks: their owners' settings, and each webhook's health."""
