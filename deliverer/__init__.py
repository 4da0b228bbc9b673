"""The deliverer: POSTs deliveries, decides what follows, and records each attempt."""
