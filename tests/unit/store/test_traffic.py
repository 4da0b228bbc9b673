"""Traffic on SQLite: the contract."""

from tests.unit.store.contract.traffic import (
    AddingUpContract,
    EventsContract,
    ForgettingContract,
)


class TestAddingUp(AddingUpContract):
    """On SQLite."""


class TestEvents(EventsContract):
    """On SQLite."""


class TestForgetting(ForgettingContract):
    """On SQLite."""
