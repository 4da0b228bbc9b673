"""Webhooks by name, and how deliveries stand, on SQLite: the contract."""

from tests.unit.store.contract.known import KnownContract


class TestKnown(KnownContract):
    """On SQLite."""
