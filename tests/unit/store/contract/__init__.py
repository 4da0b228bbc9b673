"""What a store does on every database: run on SQLite by the unit tests, on PostgreSQL beside them."""
