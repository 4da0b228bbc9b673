from tests.unit.store.contract.webhookindex import ChangesContract, SnapshotContract


class TestSnapshot(SnapshotContract):
    """On SQLite."""


class TestChanges(ChangesContract):
    """On SQLite."""
