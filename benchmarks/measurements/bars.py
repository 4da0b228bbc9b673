"""Bars: counts that must not grow; ``bars.json`` beside the results has them."""

import json
from collections.abc import Mapping
from typing import Any

from benchmarks.harness import toolchains

BARS = toolchains.BENCHMARKS / "bars.json"


def broken(case: str, figures: Mapping[str, Any], *, per: str = "an event") -> list[str]:
    """Which counts of a case are above their bar, in words.

    Args:
        case: Its name in the file; one that is not there has no bars.
        figures: With ``counts``.
        per: What they are counts of.
    """
    stored: dict[str, dict[str, float]] = json.loads(BARS.read_text())
    found = figures.get("counts", {})
    return [
        f"{case}: {found[name]:.2f} {name} {per}, and the bar is {bar} (benchmarks/bars.json)"
        for name, bar in stored.get(case, {}).items()
        if found.get(name, 0) > bar
    ]
