"""The other commands, a module each."""
