"""Known tags on SQLite."""

from tests.unit.store.contract.knowntags import KnownTagsContract


class TestKnownTags(KnownTagsContract):
    """On SQLite."""
