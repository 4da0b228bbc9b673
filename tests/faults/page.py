"""Write docs/reliability.md from docs/reliability/*.json: ``python -m tests.faults.page``."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.faults.catalogue import CATALOGUE

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "reliability"
PAGE = ROOT / "docs" / "reliability.md"
COUNTS = (
    "deliveries", "posts", "delivered", "given_up", "pending", "lost", "phantoms", "misrecorded",
    "unrecorded", "duplicates", "duplicates_unexplained",
)  # fmt: skip
_HEAD = """\
<!-- Written by tests/faults/page.py from docs/reliability/*.json. -->
# Reliability

Portcall promises: an event that was answered with `202` is delivered to every matching webhook at least once, or recorded as
given up with the reason; duplicates carry the same `webhook-id`; one endpoint never delays another. These scenarios try to
break the promise. Each runs the processes of `portcall up` against a sink that writes every POST to a journal. One oracle
compares the accepted events, that journal and list-events:

- *pending*: accepted, and not ended when the scenario is over, while queues still hold messages;
- *lost*: the same, when no queue holds a message;
- *phantom*: POSTed, but never accepted;
- *misrecorded*: list-events differs from the journal;
- *unrecorded*: answered, but in no record, although no deliverer was killed before it could write the record, and the
  connection was not cut at that moment;
- a duplicate is *unexplained* if no fault was active when it was made. A fault counts as active until the attempt timeout plus
  10 s after a role died, or plus 20 s after the broker returned.

The figures belong to the commit below them. `make test` runs the fast part of these scenarios, `make faults` all of them; the
commands below run one scenario at full length.
"""


def main() -> None:
    """Write the page from whatever figures there are."""
    found = {
        name: json.loads(path.read_text())
        for name in CATALOGUE
        if (path := RESULTS / f"{name}.json").exists()
    }
    parts = [_HEAD, _overview(found), *(_section(document) for document in found.values())]
    if missing := [name for name in CATALOGUE if name not in found]:
        parts.append("## Not run at full length yet\n\n" + ", ".join(missing) + "\n")
    PAGE.write_text("\n".join(parts))


def _overview(found: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        (
            f"[{CATALOGUE[name].title}](#{name})",
            *(_shown(document["figures"].get(count, "")) for count in COUNTS),
            "yes" if document["met"] else "**no**",
        )
        for name, document in found.items()
    ]
    return "## Overview\n\n" + _table(
        ("scenario", *(count.replace("_", " ") for count in COUNTS), "as promised"), rows
    )


def _section(document: Mapping[str, Any]) -> str:
    figures = document["figures"]
    bounds = [
        (
            check["figure"].replace("_", " "),
            _bound(check),
            _shown(check["value"]),
            "yes" if check["met"] else "**no**",
        )
        for check in document["bounds"]
    ]
    rest = [
        (name.replace("_", " "), _shown(value))
        for name, value in figures.items()
        if name not in COUNTS and isinstance(value, int | float | str | dict) and _is_short(value)
    ]
    problems = "".join(f"- {problem}\n" for problem in figures.get("problems", ()))
    settings = ", ".join(f"{name} {value:g}" for name, value in document["settings"].items())
    parts = [
        f'<a id="{document["name"]}"></a>\n\n## {CATALOGUE[document["name"]].title}\n',
        f"`{document['command']}`, {settings}.\n",
        _table(("must hold", "bound", "measured", "met"), bounds) if bounds else "",
        f"Problems:\n\n{problems}" if problems else "",
        _table(("other figures", ""), rest) if rest else "",
        (
            f"*{document['began'].replace('T', ' ')[:16]} UTC, commit {document['revision']},"
            f" {document['seconds']:.0f} s, {document['machine']['cores']} cores, load average"
            f" {document['load_before'][0]:.1f} before.*\n"
        ),
    ]
    return "\n".join(part for part in parts if part)


def _bound(check: Mapping[str, Any]) -> str:
    if "at_most" in check:
        return f"at most {check['at_most']:g}"
    return f"at least {check['at_least']:g}"


def _is_short(value: object) -> bool:
    return not isinstance(value, dict) or len(value) <= 12


def _shown(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(each)}" for name, each in value.items())
    return str(value)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    main()
