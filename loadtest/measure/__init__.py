"""What is measured: counts, latencies, metrics, and the ledger of deliveries."""
