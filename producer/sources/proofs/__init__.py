"""Proofs: whether the sender of a request knows a source's secret, or has a token of its issuer."""
