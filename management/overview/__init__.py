"""The overview: how the installation is right now."""
