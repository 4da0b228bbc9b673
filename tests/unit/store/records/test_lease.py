"""The recorder's lease on SQLite."""

from tests.unit.store.contract.lease import LeaseContract, TermContract


class TestLease(LeaseContract):
    """On SQLite."""


class TestTerm(TermContract):
    """On SQLite."""
