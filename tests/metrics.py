"""What `/metrics` shows, without the numbers."""

import re
from typing import Any


def described(text: str) -> dict[str, Any]:
    """Metrics by name: the type, and the names of the labels that samples have.

    Without the times at which series were made: prometheus_client adds them, where there is one.
    """
    found: dict[str, Any] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            found[name] = {"type": kind, "labels": []}
        elif not line.startswith("#"):
            labels = set(re.findall(r'(\w+)="', line.partition("{")[2].rpartition("}")[0]))
            found[name]["labels"] = sorted(labels.union(found[name]["labels"]) - {"le"})
    return {name: each for name, each in found.items() if not name.endswith("_created")}
