"""The journal on SQLite."""

from tests.unit.store.contract.journal import AccountsContract, IgnoredContract, NotingContract


class TestNoting(NotingContract):
    """On SQLite."""


class TestAccounts(AccountsContract):
    """On SQLite."""


class TestIgnored(IgnoredContract):
    """On SQLite."""
