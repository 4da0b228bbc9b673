"""The management role: the ARM-shaped API over registries, webhooks and records."""
