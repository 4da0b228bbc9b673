"""The journal: which events were accepted, and whether all their deliveries have ended."""
