#!/usr/bin/env python3
"""Write down what every locked package asks for: requirements/metadata.json, part of `make lock`.

For pip before 23.3, `coverage[toml]`, which pytest-cov asks for, and a pinned `coverage` are two
packages. Nothing pins the first, so pip takes its newest version, and refuses the file as soon as
that is not the pinned one. So a requirement with extras must be pinned with exactly these extras.
The test for it has to know what the packages ask for; this file says so without the network.

Run it with a Python that has packaging and pip 23.3 or later. It asks pip only about packages that
the file does not have yet.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REQUIREMENTS = Path(__file__).parents[1] / "requirements"
METADATA = REQUIREMENTS / "metadata.json"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = ("x86_64", "aarch64")
INSTALLED_WITH = {"browser.txt": "dev.txt"}
"""Locks that add to another one."""
PIN = re.compile(r"([a-z0-9._-]+)(?:\[([^]]*)\])?==([^ ;\\\n]+)(?: ; ([^\\\n]*))?")


@dataclass(frozen=True)
class Pin:
    """A line of a locked file, with its hashes."""

    name: str
    extras: frozenset[str]
    version: str
    marker: str | None
    text: str

    @property
    def key(self) -> str:
        """What it is called in metadata.json, e.g. ``coverage[toml]==7.17.3``."""
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        return f"{self.name}{extras}=={self.version}"

    @cached_property
    def places(self) -> tuple[dict[str, str], ...]:
        """The supported places where it is installed."""
        marker = Marker(self.marker) if self.marker else None
        return tuple(place for place in PLACES if holds(marker, place))


def _place(python: str, machine: str) -> dict[str, str]:
    fixed = {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.1",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.1",
        "python_version": python,
        "sys_platform": "linux",
    }
    return {**{name: str(value) for name, value in default_environment().items()}, **fixed}


PLACES = tuple(_place(python, machine) for python in PYTHONS for machine in MACHINES)


def holds(marker: Marker | None, place: Mapping[str, str], extra: str = "") -> bool:
    """Whether a marker holds in a place, for one extra or none."""
    return marker is None or marker.evaluate({**place, "extra": extra})


def pins(text: str) -> list[Pin]:
    """The pins of the text of a locked file."""
    found = []
    for block in re.split(r"\n(?=[a-z0-9])", text):
        if pin := PIN.match(block):
            name, extras, version, marker = pin.groups()
            found.append(
                Pin(
                    name=canonicalize_name(name),
                    extras=frozenset(
                        canonicalize_name(each.strip())
                        for each in (extras or "").split(",")
                        if each.strip()
                    ),
                    version=version,
                    marker=marker.strip() if marker else None,
                    text=block,
                )
            )
    return found


def worth_keeping(requirements: Iterable[str], extras: Iterable[str]) -> list[str]:
    """Those of a package's requirements that hold with some of *extras*, or without any."""
    kept = []
    for text in requirements:
        marker = Requirement(text).marker
        if any(holds(marker, place, extra) for place in PLACES for extra in ("", *extras)):
            kept.append(text)
    return sorted(kept)


def faults(lock: Sequence[Pin], asked: Mapping[str, Sequence[str]]) -> list[str]:
    """What is wrong with a lock, given what each package asks for; nothing where it is right.

    Every requirement that holds somewhere must be pinned there, with the same extras and no others.
    """
    unknown = {
        f"{pin.key} is not in {METADATA.name}: run `make lock`"
        for pin in lock
        if pin.places and pin.key not in asked
    }
    by_name: dict[str, list[Pin]] = {}
    for pin in lock:
        by_name.setdefault(pin.name, []).append(pin)
    unpinned = {
        f"{pin.name} asks for {wanted}, which is not pinned as that"
        for pin in lock
        for wanted in map(Requirement, asked.get(pin.key, ()))
        if not _answered(pin, wanted, by_name.get(canonicalize_name(wanted.name), []))
    }
    return sorted(unknown | unpinned)


def _answered(pin: Pin, wanted: Requirement, others: Sequence[Pin]) -> bool:
    """Whether a requirement of a pin's package is pinned wherever it holds, for every pip there is.

    A package that is pinned with extras answers a requirement without any: pip makes one of it.
    """
    extras = frozenset(map(canonicalize_name, wanted.extras))
    answers = [
        other.places
        for other in others
        if (not extras or other.extras == extras)
        and wanted.specifier.contains(other.version, prereleases=True)
    ]
    return all(
        any(place in places for places in answers)
        for place in pin.places
        if any(holds(wanted.marker, place, extra) for extra in ("", *pin.extras))
    )


def reported(texts: Sequence[str], *options: str) -> dict[str, list[str]]:
    """What pip says that pinned packages ask for, by name and version (``coverage==7.17.3``)."""
    with tempfile.TemporaryDirectory() as folder:
        lock, report = Path(folder, "lock.txt"), Path(folder, "report.json")
        lock.write_text("\n".join(texts) + "\n")
        command = [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"),
            *("--dry-run", "--ignore-installed", "--no-deps", "--require-hashes"),
            *("--report", str(report), "--requirement", str(lock), *options),
        ]
        subprocess.run(command, check=True)  # noqa: S603 (pip)
        installs: list[dict[str, Any]] = json.loads(report.read_text())["install"]
    return {
        f"{canonicalize_name(each['metadata']['name'])}=={each['metadata']['version']}": each[
            "metadata"
        ].get("requires_dist", [])
        for each in installs
    }


def ask(lock: Sequence[Pin]) -> dict[str, list[str]]:
    """What the pins of a lock ask for, by their keys.

    Those that other Pythons than this one install need a wheel.
    """
    here = {name: str(value) for name, value in default_environment().items()}
    answers: dict[str, list[str]] = {}
    if texts := [pin.text for pin in lock if not pin.marker or Marker(pin.marker).evaluate(here)]:
        answers |= reported(texts)
    for python in PYTHONS:
        elsewhere = [
            pin.text.replace(f" ; {pin.marker}", "", 1)
            for pin in lock
            if f"{pin.name}=={pin.version}" not in answers
            and any(place["python_version"] == python for place in pin.places)
        ]
        if elsewhere:
            with tempfile.TemporaryDirectory() as target:
                answers |= reported(
                    elsewhere,
                    *("--python-version", python, "--only-binary", ":all:", "--target", target),
                )
    return {
        pin.key: worth_keeping(answers[f"{pin.name}=={pin.version}"], pin.extras) for pin in lock
    }


def main() -> None:
    """Write what is new, and leave out what is not locked any more."""
    known: dict[str, list[str]] = json.loads(METADATA.read_text()) if METADATA.exists() else {}
    locks = {path.name: pins(path.read_text()) for path in sorted(REQUIREMENTS.glob("*.txt"))}
    for lock in locks.values():
        if unknown := [pin for pin in lock if pin.places and pin.key not in known]:
            known |= ask(unknown)
    locked = {pin.key for lock in locks.values() for pin in lock}
    kept = {key: known[key] for key in sorted(locked & known.keys())}
    METADATA.write_text(json.dumps(kept, indent=1) + "\n")
    wrong = [
        f"requirements/{name}: {fault}"
        for name, lock in locks.items()
        for fault in faults([*lock, *locks.get(INSTALLED_WITH.get(name, ""), [])], kept)
    ]
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
