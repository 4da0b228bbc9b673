"""A program: makes a home whose secrets are in the clear, and is killed at each line in turn.

Usage: killed_while_sealing.py FOLDER [STEP]. It forks for each point: the child copies the home, seals or
rotates, and kills itself (SIGKILL) before the n-th line of our sealing code; then the parent reads
every secret with what keys there are. It ends when a child was not killed any more, and prints how
many were.
"""

import os
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import portcall.store.preparing
import portcall.store.secrets.key_file
import portcall.store.secrets.keys
import portcall.store.secrets.sealing
import portcall.store.secrets.signing_rows
from portcall.store.database.migrate import migrate
from portcall.store.engine import Store, open_store
from portcall.store.preparing import prepare_secrets
from portcall.store.secrets.key_file import add_key
from portcall.store.secrets.keys import KeySource
from portcall.store.secrets.vault import NO_KEYS, Vault
from tests import keys
from tests.unit.store.contract.sealing import (
    add_secret_webhooks,
    in_clear,
    numbers,
    secrets_of,
    signing_in_clear,
)

WEBHOOKS = 3
OURS = {
    module.__file__
    for module in (portcall.store.secrets.key_file, portcall.store.secrets.keys, portcall.store.preparing, portcall.store.secrets.sealing, portcall.store.secrets.signing_rows)
}  # fmt: skip
Found = tuple[list[tuple[str, str, object, str, str, str]], tuple[str, object]]


def url_of(home: Path) -> str:
    return f"sqlite:///{home / 'portcall.db'}"


def secrets(home: Path) -> Found:
    vault = KeySource.of({}, home).vault()
    opened = open_store(url_of(home), vault if vault.first else NO_KEYS)
    opened.sealing.check(str(home))
    found = secrets_of(opened), numbers(opened)
    opened.close()
    return found


def make(home: Path) -> Found:
    home.mkdir()
    migrate(url_of(home))
    opened: Store = open_store(url_of(home), Vault([keys.KEY]))
    add_secret_webhooks(opened, WEBHOOKS)
    numbers(opened)
    signing_in_clear(opened)
    in_clear(opened)
    found = secrets_of(opened), numbers(opened)
    opened.close()
    return found


def work(home: Path) -> None:
    """The first start of a version that seals, and then a new key."""
    source = KeySource.of({}, home)
    prepare_secrets(url_of(home), source)
    if source.path is not None and len(source.keys()) < 2:
        add_key(source.path)
    prepare_secrets(url_of(home), source)


def killed_at(line: int, home: Path) -> bool:
    """Do the work in a child that is killed before its *line*-th line; whether it was."""
    pid = os.fork()
    if pid == 0:
        met: set[tuple[str, int]] = set()

        def trace(frame: FrameType, event: str, _argument: object) -> Any:  # noqa: ANN401 (settrace's)
            if frame.f_code.co_filename not in OURS:
                return None
            if event == "line":
                met.add((frame.f_code.co_filename, frame.f_lineno))
                if len(met) == line:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        work(home)
        sys.settrace(None)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if not os.WIFSIGNALED(status) and os.WEXITSTATUS(status):
        raise SystemExit(f"line {line}: the work itself failed")
    return os.WIFSIGNALED(status)


def main(folder: Path, step: int) -> None:
    pristine = folder / "pristine"
    expected = make(pristine)
    line = 0
    while True:
        line += step
        home = folder / "home"
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(pristine, home)
        was_killed = killed_at(line, home)
        if secrets(home) != expected:
            raise SystemExit(f"killed before line {line}, secrets are lost")
        if not was_killed:
            break
        work(home)
        if secrets(home) != expected:
            raise SystemExit(f"killed before line {line}, secrets are lost by the next start")
    sys.stdout.write(f"{line - step}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
