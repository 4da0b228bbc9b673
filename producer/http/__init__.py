"""The producer's HTTP server: access, bodies, limits, errors."""
