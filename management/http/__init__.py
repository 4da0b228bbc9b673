"""One request: routes, names in the path, bodies, fields, roles, errors."""
