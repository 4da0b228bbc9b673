"""One POST: its request, its connection, its answer."""
