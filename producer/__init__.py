"""The producer: what registries send over HTTP goes out as frames of events to the broker."""
