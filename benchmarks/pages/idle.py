"""The sections of an installation that nothing happens in: wake-ups, memory, start."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.pages.tables import Cell, table

Report = Mapping[str, Any]
_FORMS = {"processes": "five processes", "compact": "`--compact`"}


def idle(report: Report, _plots: Path) -> str:
    """Wake-ups by form."""
    head = ["form", "wake-ups of the roles", "of the broker", "transactions", "share of a core, %"]
    return (
        "A thread that goes to sleep has been woken up before. Counted for"
        f" {report['parameters']['seconds']} s, a minute after the start. The counts hardly depend"
        " on how busy the machine is, but the share of a core does.\n\n"
        + table(head, list(_idle_rows(report)))
    )


def footprint(report: Report, _plots: Path) -> str:
    """Memory, start and idle CPU by form."""
    head = ["form", "roles: PSS, MiB", "RSS", "with `portcall up`: PSS", "start, s", "its CPU, s",
            "idle, % of a core", "of it broker"]  # fmt: skip
    return (
        "The second start of an installation with a private broker, until ready.json is there;"
        " memory and CPU while nothing happens. PSS counts a page that several processes share"
        " once.\n\n" + table(head, list(_footprint_rows(report)))
    )


def _idle_rows(report: Report) -> Iterator[tuple[Cell, ...]]:
    for form, found in report["summary"].items():
        counts = found["counts"]
        yield (
            _FORMS.get(form, form),
            int(counts["wakeups"]),
            int(counts["broker_wakeups"]),
            float(counts["transactions"]),
            float(found["core"] * 100),
        )


def _footprint_rows(report: Report) -> Iterator[tuple[Cell, ...]]:
    for form, found in report["summary"].items():
        yield (
            _FORMS.get(form, form),
            float(found["roles_pss_mib"]),
            float(found["roles_rss_mib"]),
            float(found["all_pss_mib"]),
            float(found["start_s"]),
            float(found["start_cpu_s"]),
            float(found["idle"] * 100),
            float(found["idle_broker"] * 100),
        )
