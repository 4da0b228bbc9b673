"""The journal on SQLite."""

from tests.unit.store.contract.journal import AccountsContract, NotingContract


class TestNoting(NotingContract):
    """On SQLite."""


class TestAccounts(AccountsContract):
    """On SQLite."""
