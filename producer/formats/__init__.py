"""What registries and publishers send, read and translated into registry events."""
