#!/usr/bin/env python3
"""Write docs/support.md from docs/support/*.jsonl, the runs that the tests noted; `make docs` does.

``runs.jsonl`` is written by ``scripts/ground``, ``containers.jsonl`` by ``make containers``: both
by ``tests/support.py``, one line for each suite and combination of versions, the newest run.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent.parent / "docs" / "support"
PAGE = FOLDER.with_suffix(".md")
Line = dict[str, Any]


class Version(NamedTuple):
    """A version that the page has a row for.

    Attributes:
        number: As the versions of the runs begin.
        source: Where it comes from.
    """

    number: str
    source: str


class Part(NamedTuple):
    """A part of the ground.

    Attributes:
        key: Its name in the lines.
        suites: A version is tested when all of these passed on it.
        rest: What is said of every other version.
    """

    name: str
    key: str
    suites: tuple[str, ...]
    versions: tuple[Version, ...]
    rest: tuple[tuple[str, str], ...]


PARTS = (
    Part(
        "RabbitMQ",
        "rabbitmq",
        ("integration", "e2e", "faults"),
        (Version("3.10", "Debian 12"), Version("4.0", "Debian 13"), Version("4.3", "testing")),
        (
            ("before 3.10", "not supported: quorum queues have no at-least-once dead-lettering"),
            ("3.11 to 3.13, 4.1, 4.2", "not tested; the versions around it are"),
        ),
    ),
    Part(
        "PostgreSQL",
        "postgresql",
        ("store", "recorder"),
        (Version("15", "Debian 12"), Version("17", "Debian 13"), Version("18", "testing")),
        (
            ("before 15", "not supported: nothing tests it"),
            ("16", "not tested; the versions around it are"),
        ),
    ),
    Part(
        "Python",
        "python",
        ("unit", "integration"),
        (Version("3.11", "Debian 12"), Version("3.13", "Debian 13"), Version("3.14", "testing")),
        (
            ("before 3.11", "not supported: `pip` refuses it"),
            ("3.12", "not tested; the versions around it are"),
        ),
    ),
    Part(
        "nginx, as a consumer over HTTP/2",
        "nginx",
        ("http2",),
        (Version("1.22", "Debian 12"), Version("1.26", "Debian 13"), Version("1.30", "testing")),
        (),
    ),
)
ENGINES = ("docker", "podman")
_COLUMNS = {
    "RabbitMQ": "rabbitmq",
    "PostgreSQL": "postgresql",
    "SQLite": "sqlite",
    "Python": "python",
    "nginx": "nginx",
    "Debian": "debian",
}


def page(runs: Sequence[Line], containers: Sequence[Line]) -> str:
    """The whole page."""
    return "\n".join(
        [
            "<!-- Written by scripts/support_page.py from docs/support/*.jsonl. -->",
            "# What Portcall runs on",
            "",
            "This page is made of the runs that the tests noted; `scripts/ground` runs them.",
            "",
            "- **tested**: every suite that the part needs passed on it, the oldest on that date.",
            "- **works**: some of these suites passed on it, the others were not run on it.",
            "- **fails**: tests failed in the newest run.",
            "- **not supported**: a reason is given.",
            "",
            *_versions(runs),
            *_combinations(runs),
            *_engines(containers),
        ]
    )


def _versions(runs: Sequence[Line]) -> Iterator[str]:
    for part in PARTS:
        yield from (f"## {part.name}", "", f"It needs: {', '.join(part.suites)}.", "")
        yield from ("| version | from | state | date |", "| --- | --- | --- | --- |")
        for version in part.versions:
            exact, state, on = verdict(part, version, runs)
            yield f"| {exact} | {version.source} | {state} | {on} |"
        yield from (f"| {which} | | {state} | |" for which, state in part.rest)
        yield ""


def verdict(part: Part, version: Version, runs: Sequence[Line]) -> tuple[str, str, str]:
    """The newest exact version that was run, what it is, and since when."""
    of_series = [each for each in runs if _is(version.number, each.get(part.key))]
    noted = {suite: [each for each in of_series if each["suite"] == suite] for suite in part.suites}
    counted = [each for lines in noted.values() for each in lines]
    if not counted:
        return version.number, "not tested", ""
    exact = max((each[part.key] for each in counted), key=_numbers)
    if failing := sorted({each["suite"] for each in counted if each["failed"]}):
        return exact, f"fails: {', '.join(failing)}", max(each["on"] for each in counted)
    passed = [suite for suite, lines in noted.items() if lines]
    state = "tested" if len(passed) == len(part.suites) else f"works: {', '.join(passed)}"
    return exact, state, min(max(e["on"] for e in noted[suite]) for suite in passed)


def _combinations(runs: Sequence[Line]) -> Iterator[str]:
    yield from ("## Combinations that ran", "")
    names = [*_COLUMNS, "suite", "passed", "failed", "skipped", "date"]
    yield from (f"| {' | '.join(names)} |", f"| {' | '.join('---' for _ in names)} |")
    for each in sorted(runs, key=_order):
        cells = [each.get(key) or "" for key in _COLUMNS.values()]
        cells += [each["suite"], each["passed"], each["failed"], each["skipped"], each["on"]]
        yield f"| {' | '.join(map(str, cells))} |"
    yield from ("", "An empty cell: the suite does not use that part.", "")


def _engines(containers: Sequence[Line]) -> Iterator[str]:
    yield from (
        "## Container engines",
        "",
        "`make containers` runs the image and compose.yaml. On Docker it also upgrades from the",
        "last release; on Podman it also runs the chart's pods, and upgrades these. Each skips",
        "what belongs to the other.",
        "",
    )
    names = ("engine", "state", "passed", "failed", "skipped", "date")
    yield from (f"| {' | '.join(names)} |", f"| {' | '.join('---' for _ in names)} |")
    for each in sorted(containers, key=lambda each: str(each["engine"])):
        state = "fails" if each["failed"] else "tested"
        cells = [
            each["engine"],
            state,
            *(each[name] for name in ("passed", "failed", "skipped", "on")),
        ]
        yield f"| {' | '.join(map(str, cells))} |"
    noted = {str(each["engine"]).split()[0] for each in containers}
    yield from (f"| {each} | not tested | | | | |" for each in ENGINES if each not in noted)
    yield ""


def _is(series: str, version: object) -> bool:
    return version is not None and f"{version}.".startswith(f"{series}.")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in version.split(".") if each.isdigit())


def _order(each: Line) -> tuple[object, ...]:
    return (*(_numbers(each.get(key) or "") for key in _COLUMNS.values()), each["suite"])


def lines(name: str) -> list[Line]:
    """The lines of a file in docs/support; none where it is not there yet."""
    path = FOLDER / name
    return [json.loads(each) for each in path.read_text().splitlines()] if path.exists() else []


def written() -> str:
    """The page that belongs to the files as they are."""
    return page(lines("runs.jsonl"), lines("containers.jsonl"))


if __name__ == "__main__":
    PAGE.write_text(written())
