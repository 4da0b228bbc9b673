"""Webhooks over HTTP: routes, imports, pings, probes, secrets."""
