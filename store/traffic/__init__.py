"""Traffic: sums and latencies of records by time bucket."""
