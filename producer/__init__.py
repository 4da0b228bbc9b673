"""The producer: receives events over HTTP, and publishes them as frames."""
