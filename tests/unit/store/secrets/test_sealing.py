"""Secrets in SQLite; and the file itself, byte by byte."""

import os
import subprocess
import sys
from pathlib import Path

from portcall.store.access.key_texts import private_pem
from portcall.store.engine import Store
from tests.canary import Canary, in_files
from tests.unit.store.contract.sealing import (
    ResealingContract,
    SealingContract,
    in_clear,
    secrets_of,
    signing_in_clear,
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


def test_a_signing_key_that_was_in_clear_is_overwritten_in_the_files(
    store: Store, tmp_path: Path
) -> None:
    key = store.signing_keys.signing()
    lines = private_pem(key.private).splitlines()[1:-1]
    signing_in_clear(store)
    store.database.checkpoint()
    assert any(lines[3].encode() in each for each in in_files(tmp_path))
    list(store.sealing.seal_all())
    found = b"".join(in_files(tmp_path))
    assert [line for line in lines if line.encode() in found] == []
    assert store.signing_keys.signing() == key


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


def test_a_kill_before_any_line_loses_no_secret(tmp_path: Path) -> None:
    """Each third line: all of them were run when this was written, and take half a minute."""
    script = Path(__file__).with_name("killed_while_sealing.py")
    ended = subprocess.run(  # noqa: S603 (our own interpreter)
        [sys.executable, str(script), str(tmp_path), "3"],
        env={"PYTHONPATH": str(script.parents[4]), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout.splitlines()[-1]) > 100
