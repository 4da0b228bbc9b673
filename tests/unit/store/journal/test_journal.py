"""The journal on SQLite."""

from tests.unit.store.contract.accounts import AccountsContract
from tests.unit.store.contract.ignored import DeletedTagsContract, IgnoredContract
from tests.unit.store.contract.noting import LostContract, NotingContract


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
