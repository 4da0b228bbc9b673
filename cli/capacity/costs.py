"""The measured unit costs, as `scripts/unit_costs.py` copied them from the benchmarks' results."""

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Final

from portcall.schemas.records import MAX_RESPONSE_CHARACTERS

Point = Mapping[str, float]
"""CPU us of each role for a delivery, at ``per_s`` deliveries a second."""

FAN_OUTS: Final = (1, 10, 100)
"""What was measured; a fan-out between two of them counts as the lower one, which costs more."""


class Costs:
    """Unit costs of one delivery, event and request.

    Args:
        figures: The content of ``costs.json``.
    """

    def __init__(self, figures: Mapping[str, Any]) -> None:
        self._figures = figures
        self.machine: str = figures["machine"]
        self.measured: Sequence[str] = figures["measured"]
        self.request_us: float = figures["request_us"]
        self.event_us: float = figures["event_us"]
        self.idle_ms_per_s: Mapping[str, float] = figures["idle_ms_per_s"]
        self.memory_mb: Mapping[str, float] = figures["memory_mb"]
        self.stores: Mapping[str, Mapping[str, float]] = figures["stores"]
        self.large_response_us: float = figures["large_response_us"]

    def delivery_us(self, role: str, fan_out: float, per_s: float) -> float:
        """CPU us of a role for a delivery, at a rate of deliveries a second.

        Below the lowest measured rate its cost holds, above the highest that one's; between two the
        cost is interpolated over the logarithm of the rate.
        """
        points = self._points(fan_out)
        curve = [(math.log(point["per_s"]), point[role]) for point in points]
        return _between(curve, math.log(per_s))

    def stored_bytes(self, what: str, fan_out: float, response_bytes: float) -> float:
        """Bytes of a delivery with one attempt.

        Args:
            what: ``store``, ``log``, ``journal``, ``broker_writes`` or ``store_writes``.
            fan_out: Deliveries of an event.
            response_bytes: Size of the endpoint's answer; about 4 kB of it are kept.
        """
        base: float = self._figures["bytes"][str(_measured(fan_out))][what]
        known = [
            (min(size, MAX_RESPONSE_CHARACTERS), more.get(what, 0.0))
            for size, more in self._figures["response_bytes"]
        ]
        return base + _between([(0.0, 0.0), *known], response_bytes)

    def _points(self, fan_out: float) -> Sequence[Point]:
        """The curve of a fan-out; at low rates that of 10 stands for 100, too."""
        curves = self._figures["delivery_us"]
        own: Sequence[Point] = curves[str(_measured(fan_out))]
        if len(own) > 1:
            return own
        return [*(point for point in curves["10"] if point["per_s"] <= LOW_RATE), *own]


LOW_RATE: Final = 1_000.0


def _between(curve: Sequence[tuple[float, float]], place: float) -> float:
    """The value at a place of a line through points in order; flat before and after them."""
    for (left, low), (right, high) in pairwise(curve):
        if place < right:
            return low + max(0.0, place - left) / (right - left) * (high - low)
    return curve[-1][1]


def _measured(fan_out: float) -> int:
    return max((each for each in FAN_OUTS if each <= fan_out), default=FAN_OUTS[0])


@cache
def known_costs() -> Costs:
    """The costs of this version."""
    return Costs(json.loads(files(__package__).joinpath("costs.json").read_text()))
