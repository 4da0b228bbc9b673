"""Is the consumer right, and fast enough: thresholds, the oracle, its rules."""
