"""Endpoints: how much each may have under way, and when it is left alone."""
