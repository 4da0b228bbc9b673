"""The formats of registries and publishers, translated into registry events."""
