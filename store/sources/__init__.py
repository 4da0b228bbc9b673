"""Sources of registries: which there are, and what their senders prove themselves with."""
