"""The `portcall` command: registries, webhooks, `up`, the demo, and what looks after them."""
