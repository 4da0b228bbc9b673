"""Sightings on SQLite."""

from tests.unit.store.contract.sightings import KnownDigestsContract


class TestSightings(KnownDigestsContract):
    """On SQLite."""
