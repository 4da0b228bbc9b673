"""The OpenAPI document of the management API: operations, schemas, examples."""
