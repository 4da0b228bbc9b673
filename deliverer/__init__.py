"""The deliverer: POSTs deliveries, decides about retries, and records each attempt."""
