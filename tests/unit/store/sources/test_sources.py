from tests.unit.store.contract.sources import SourcesContract


class TestSources(SourcesContract):
    """On SQLite."""
