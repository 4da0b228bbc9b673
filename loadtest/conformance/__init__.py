"""Conformance: a short script of right and wrong POSTs, and a grade for what the consumer did."""
