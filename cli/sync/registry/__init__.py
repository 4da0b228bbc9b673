"""A registry that is synced: its catalogue, by the API that it has, and a client of it."""
