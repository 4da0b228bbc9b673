"""Stored data: registries, webhooks, the event log. SQLAlchemy Core on SQLite and PostgreSQL."""
