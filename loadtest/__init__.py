"""Load tests for webhook consumers."""
