"""Outputs: a result in the forms that other programs and people read."""
