"""Conformance: a short script of valid and faulty POSTs, and a grade for the consumer."""
