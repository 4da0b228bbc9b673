"""The journal on SQLite."""

from tests.unit.store.contract.journal import (
    AccountsContract,
    DeletedTagsContract,
    IgnoredContract,
    LostContract,
    NotingContract,
)


class TestLost(LostContract):
    """On SQLite."""


class TestNoting(NotingContract):
    """On SQLite."""


class TestAccounts(AccountsContract):
    """On SQLite."""


class TestDeletedTags(DeletedTagsContract):
    """On SQLite."""


class TestIgnored(IgnoredContract):
    """On SQLite."""
