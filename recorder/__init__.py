"""The recorder: the results stream is read, each record stored once, and old ones forgotten."""
