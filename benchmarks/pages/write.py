"""Puts the page together."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.harness.report import read
from benchmarks.pages import sections
from benchmarks.pages.everyday import everyday
from benchmarks.pages.formats import formats
from benchmarks.pages.idle import footprint, idle
from benchmarks.pages.matching import matching
from benchmarks.pages.replicas import replicas
from benchmarks.pages.sizes import sizes
from benchmarks.pages.tables import table, targets

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "performance.md"
PLOTS = ROOT / "docs" / "performance"
SECTIONS = {
    "delivery": sections.delivery,
    "pipeline": sections.pipeline,
    "everyday": everyday,
    "idle": idle,
    "footprint": footprint,
    "latency": sections.latency,
    "matching": matching,
    "scaling": sections.scaling,
    "replicas": replicas,
    "intake": sections.intake,
    "formats": formats,
    "backlog": sections.backlog,
    "recording": sections.recording,
    "sizes": sizes,
    "listing": sections.listing,
}
_HEAD = """\
<!-- Written by benchmarks/page.py from benchmarks/results/; `make bench` measures again. -->
# Performance

`benchmarks/` measured every figure here, on the machine that is named below it; none is copied by
hand. The speed of shared machines drifts: compare the ratios, which are medians of pairs that ran
in turn, before the absolute figures. The line below each table names the day and the commit. Roles
that were changed later are not measured again.
"""


def main() -> None:
    """Write the page and its plots from whatever results there are."""
    PLOTS.mkdir(parents=True, exist_ok=True)
    reports = {name: report for name in SECTIONS if (report := read(name)) is not None}
    wanted = [target for report in reports.values() for target in report["targets"]]
    parts = [_HEAD, f"## Targets\n\n{targets(wanted)}"]
    parts += [
        f"## {report['title']}\n\n{SECTIONS[name](report, PLOTS)}\n{_measured(report)}"
        for name, report in reports.items()
    ]
    parts.append(_versions(reports))
    PAGE.write_text("\n".join(parts))
    print(f"written: {PAGE.relative_to(ROOT)}")


def _measured(report: Mapping[str, Any]) -> str:
    """When, where and how."""
    machine = report["machine"]
    before, after = report["load_before"][0], report["load_after"][0]
    left_out = "".join(
        f" Left out: {name} ({why.splitlines()[0]})." for name, why in report["skipped"].items()
    )
    failed = f" Runs that failed: {len(report['failed'])}." if report["failed"] else ""
    return (
        f"*`{report['command']}`, {report['began'].replace('T', ' ')[:16]} UTC, commit"
        f" {report['revision']}, {report['mode']} set; {machine['cores']} cores of"
        f" {machine['cpu']}, {machine['memory_gb']} GB, {machine['system']},"
        f" Linux {machine['kernel']}, Python {report['versions']['python']};"
        f" load average {before:.1f} before, {after:.1f} after."
        f"{left_out}{failed}*\n"
    )


def _versions(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """The versions of the newest report."""
    if not reports:
        return "Nothing has been measured yet.\n"
    newest = max(reports.values(), key=lambda report: str(report["ended"]))
    ours = {name: text for name, text in newest["versions"].items() if name != "peers"}
    peers = newest["versions"]["peers"]
    rows = [(name, text, peers.get(name, "")) for name, text in ours.items()]
    rows += [(name, "", text) for name, text in peers.items() if name not in ours]
    return "## Versions\n\n" + table(["", "Portcall", "peers and machine"], sorted(rows))


if __name__ == "__main__":
    main()
