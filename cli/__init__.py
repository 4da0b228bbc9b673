"""The `portcall` command: registries, webhooks, `up`, the demo and the operator's tools."""
