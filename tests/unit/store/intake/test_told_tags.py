from tests.unit.store.contract.toldtags import ToldTagsContract


class TestToldTags(ToldTagsContract):
    """On SQLite."""
