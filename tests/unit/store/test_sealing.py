"""Secrets in SQLite; and the file itself, byte by byte."""

from pathlib import Path

from store.engine import Store
from tests.canary import Canary, in_files
from tests.unit.store.contract.sealing import (
    ResealingContract,
    SealingContract,
    in_clear,
    secrets_of,
)
from tests.unit.store.samples import add_registry, draft


class TestSealing(SealingContract):
    pass


class TestResealing(ResealingContract):
    pass


def test_no_mark_is_in_the_files_of_the_database(
    store: Store, canary: Canary, tmp_path: Path
) -> None:
    put_marked(store, canary)
    assert canary.found({"files": in_files(tmp_path)}) == []


def test_what_was_in_clear_is_overwritten_in_the_files(
    store: Store, canary: Canary, tmp_path: Path
) -> None:
    put_marked(store, canary)
    in_clear(store)
    before = secrets_of(store)
    store.database.checkpoint()
    assert len(canary.found({"files": in_files(tmp_path)})) >= 3
    list(store.sealing.seal_all())
    assert secrets_of(store) == before
    assert canary.found({"files": in_files(tmp_path)}) == []


def put_marked(store: Store, canary: Canary) -> None:
    add_registry(store)
    store.webhooks.put_many(
        [
            draft(
                f"webhook{number}",
                authorization=f"Basic {canary.mark(f'basic{number}')}",
                headers={
                    "X-Team": canary.mark(f"header{number}") * (200 if number % 7 == 0 else 1)
                },
                secret=f"whsec_{canary.mark(f'secret{number}')}",
            )
            for number in range(50)
        ]
    )
