"""What a process needs before it has opinions: the broker, settings, logs, metrics, signals."""
