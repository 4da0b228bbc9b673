"""HTTP servers of the roles: limits, health, OpenAPI."""
