"""The contract of told children on SQLite."""

from tests.unit.store.contract.toldchildren import ToldChildrenContract


class TestToldChildren(ToldChildrenContract):
    pass
