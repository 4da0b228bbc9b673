"""The dial: somebody who watches a run sends more or less than was planned, while it goes on.

The open model stays: what is turned is the plan of what comes, never what was planned before, and
no answer turns it.
"""

from collections.abc import Callable
from itertools import pairwise

LEAST, MOST = 0.01, 100.0
STEP = 1.1
TOLD = 8
"""Turns that a report names, the last ones; it draws all of them."""
KEYS: dict[str, Callable[[float], float]] = {
    "+": lambda factor: factor * STEP,
    "=": lambda factor: factor * STEP,  # the same key on many keyboards, without shift
    "-": lambda factor: factor / STEP,
    "0": lambda _factor: 1.0,
}
Points = tuple[tuple[float, float], ...]


class Dial:
    """By how much the planned rate is multiplied.

    Attributes:
        factor: Now.
        turns: When it was turned, seconds of the run, and to what.
    """

    def __init__(self) -> None:
        self.factor = 1.0
        self.turns: list[tuple[float, float]] = []

    def turn(self, factor: float, at_s: float) -> None:
        """Send so many times the planned rate from now on; within `LEAST` and `MOST`."""
        self.factor = min(MOST, max(LEAST, factor))
        self.turns.append((at_s, self.factor))

    def press(self, key: str, at_s: float) -> None:
        """Turn it as that key says; others mean nothing."""
        turned = KEYS.get(key)
        if turned is not None:
            self.turn(turned(self.factor), at_s)

    @property
    def words(self) -> str:
        """What was turned; empty: nothing."""
        told = [f"x{factor:.3g} from {at_s:.1f} s" for at_s, factor in self.turns[-TOLD:]]
        often = f" {len(self.turns)} times, lastly" if len(self.turns) > TOLD else ""
        return f"; turned by hand{often}: {', '.join(told)}" if told else ""

    def turned(self, rates: Points) -> Points:
        """The planned rates as they became: points of a line, seconds and requests a second."""
        if not self.turns or not rates:
            return rates
        ends = [(0.0, 1.0), *self.turns, (float("inf"), 1.0)]
        points: list[tuple[float, float]] = []
        for (from_s, factor), (to_s, _) in pairwise(ends):
            part = [(at_s, rate * factor) for at_s, rate in rates if from_s <= at_s < to_s]
            before = [rate for at_s, rate in rates if at_s <= from_s]
            if from_s and before:  # a step: the same time with the rate before and after it
                points.append((from_s, points[-1][1] if points else before[-1]))
                points.append((from_s, before[-1] * factor))
            points += part
        return tuple(points)
