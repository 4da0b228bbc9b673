"""The dashboard: a page that shows a load test while it runs, by server-sent events."""
