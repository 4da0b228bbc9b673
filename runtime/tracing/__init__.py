"""Tracing: spans as values, and their export by OpenTelemetry's SDK where it is on."""
