from tests.unit.store.contract.webhooks import (
    ChangingContract,
    FindingContract,
    PuttingContract,
    PuttingManyContract,
)


class TestPutting(PuttingContract):
    """On SQLite."""


class TestPuttingMany(PuttingManyContract):
    """On SQLite."""


class TestChanging(ChangingContract):
    """On SQLite."""


class TestFinding(FindingContract):
    """On SQLite."""
