"""Sources of registries: their routes, bodies and answers."""
