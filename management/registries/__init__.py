"""Registries over HTTP, and their parents in ARM: subscriptions, provider, usages."""
