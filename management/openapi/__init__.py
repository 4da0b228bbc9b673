"""The OpenAPI document: operations, shapes of answers, examples."""
