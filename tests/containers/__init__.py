"""The image and compose.yaml on a real engine: `make containers`."""
