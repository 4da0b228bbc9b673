#!/usr/bin/env python3
"""Ask pip itself about the locked files: the last part of `make lock`, which needs the network.

- The oldest supported pip and the newest must be ready to install each of them.
- What is installed into .venv must have a wheel for every supported Python, so that nobody needs a
  compiler.

Nothing is installed but these two pips, into a temporary folder. It needs a Python with packaging.
"""

import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

from locked_metadata import PYTHONS, REQUIREMENTS, pins

PIPS = ("pip==23.0.1", "pip")
"""The one of Debian 12, and the newest."""
INTO_VENV = ("build.txt", "portcall.txt", "tracing.txt", "dev.txt", "browser.txt")


def pip(python: Path, *arguments: str) -> bool:
    """Run pip, and say whether it succeeded."""
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603 (pip)


def would_install(python: Path, lock: Path, *options: str) -> bool:
    """Whether a pip would install a locked file."""
    return pip(
        python,
        *("install", "--dry-run", "--ignore-installed", "--require-hashes"),
        *("--requirement", str(lock), *options),
    )


def has_wheels(python: Path, lock: Path, version: str) -> bool:
    """Whether each pin of a file has a wheel for a version of Python."""
    texts = [
        pin.text.replace(f" ; {pin.marker}", "", 1)  # pip asks the running Python
        for pin in pins(lock.read_text())
        if any(place["python_version"] == version for place in pin.places)
    ]
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, "lock.txt")
        plain.write_text("\n".join(texts) + "\n")
        return would_install(
            python,
            plain,
            *("--no-deps", "--only-binary", ":all:", "--python-version", version),
            *("--target", folder),
        )


def report(what: str, check: Callable[..., bool], *arguments: object) -> bool:
    """Make a check, print how it came out, and give that."""
    began = time.monotonic()
    good = check(*arguments)
    answer = "yes" if good else "NO"
    sys.stdout.write(f"{what}: {answer} ({time.monotonic() - began:.0f} s)\n")
    sys.stdout.flush()
    return good


def checks(folder: Path) -> Iterator[bool]:
    """Make every check; the pips are installed into *folder*."""
    for wanted in PIPS:
        python = folder / wanted / "bin/python"
        venv.create(folder / wanted, with_pip=True)
        yield report(f"{wanted} installs itself", pip, python, "install", "--upgrade", wanted)
        for lock in sorted(REQUIREMENTS.glob("*.txt")):
            yield report(f"{wanted} would install {lock.name}", would_install, python, lock)
    for name in INTO_VENV:
        for version in PYTHONS:
            lock = REQUIREMENTS / name
            yield report(f"{name} has wheels for {version}", has_wheels, python, lock, version)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        results = list(checks(Path(name)))
    sys.exit(not all(results))
