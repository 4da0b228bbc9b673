"""Dead letters and unroutable messages: read, sent again, deleted."""
