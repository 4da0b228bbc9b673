"""What is kept: registries, webhooks, the event log. SQLAlchemy Core on SQLite and PostgreSQL."""
