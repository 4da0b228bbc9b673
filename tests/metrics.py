"""What `/metrics` shows, without the numbers."""

import re
from typing import Any


def described(text: str) -> dict[str, Any]:
    """Metrics by name: the type, and the names of the labels that samples have."""
    found: dict[str, Any] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            found[name] = {"type": kind, "labels": []}
        elif not line.startswith("#"):
            labels = set(re.findall(r'(\w+)="', line.partition("{")[2].rpartition("}")[0]))
            found[name]["labels"] = sorted(labels.union(found[name]["labels"]) - {"le"})
    return found
