"""The common base of all processes: broker, HTTP, settings, logs, metrics, signals."""
