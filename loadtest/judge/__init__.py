"""Is the consumer correct, and fast enough? Thresholds, the oracle and its rules."""
