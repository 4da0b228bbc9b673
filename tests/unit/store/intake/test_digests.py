"""Sightings on SQLite."""

from tests.unit.store.contract.sightings import SightingsContract


class TestSightings(SightingsContract):
    """On SQLite."""
