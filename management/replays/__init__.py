"""Replays: their routes, and the worker that carries them out."""
