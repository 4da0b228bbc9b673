"""The section of bytes: what a delivery leaves on disks, and what is written for it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.pages.tables import table

COLUMNS = {
    "store": "store",
    "log": "log",
    "journal": "journal",
    "written_by_rabbitmq": "written by the broker",
    "written_by_recorder": "written by the recorder",
}


def sizes(report: Mapping[str, Any], _: Path) -> str:
    """Bytes of a delivery, by fan-out and by the size of the answer."""
    summary = report["summary"]
    rows = [
        (case, *(float(found[name]) for name in COLUMNS))
        for case, found in summary["bytes"].items()
    ]
    alone = summary["record_bytes"]
    return (
        "Bytes for a delivery of 600 bytes that the endpoint takes at once, with SQLite and one"
        " broker node. The store's bytes have its indexes, the note of the event and the record in"
        " them; the last two columns are the kernel's counts of written bytes. A record keeps"
        " about 4 kB of an answer. The same records alone, ten of an event, take"
        f" {alone['sqlite']:.0f} bytes in SQLite and {alone['postgresql']:.0f} in PostgreSQL."
        " [scale.md](scale.md) makes disks of these figures.\n\n"
        + table(["bytes for a delivery", *COLUMNS.values()], rows)
    )
