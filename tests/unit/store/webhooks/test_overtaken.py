"""The contract of overtaken deliveries on SQLite."""

from tests.unit.store.contract.overtaken import OvertakenContract


class TestOvertaken(OvertakenContract):
    pass
