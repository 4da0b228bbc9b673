"""Searching on SQLite: the contract."""

from tests.unit.store.contract.searching import SearchingContract, filled

__all__ = ["filled"]


class TestSearching(SearchingContract):
    """On SQLite."""
