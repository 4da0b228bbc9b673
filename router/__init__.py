"""The router: events in, matched against the webhooks of their registry; deliveries out."""
