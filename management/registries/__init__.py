"""Registries over HTTP, and what stands above them in ARM: subscriptions, provider, usages."""
