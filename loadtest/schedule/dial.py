"""The dial: lets a user send more or less than planned while a run goes on.

The model stays open: the dial changes the future schedule, never the past, and no response changes
it.
"""

from collections.abc import Callable
from itertools import pairwise

LEAST, MOST = 0.01, 100.0
STEP = 1.1
TOLD = 8
"""How many turns a report names, the last ones; it draws all of them."""
KEYS: dict[str, Callable[[float], float]] = {
    "+": lambda factor: factor * STEP,
    "=": lambda factor: factor * STEP,  # the same key on many keyboards, without shift
    "-": lambda factor: factor / STEP,
    "0": lambda _factor: 1.0,
}
Points = tuple[tuple[float, float], ...]


class Dial:
    """The multiple of the planned rate.

    Attributes:
        factor: The current multiple.
        turns: When it was changed, seconds of the run, and the new factor.
    """

    def __init__(self) -> None:
        self.factor = 1.0
        self.turns: list[tuple[float, float]] = []

    def turn(self, factor: float, at_s: float) -> None:
        """Send so many times the planned rate from now on; within `LEAST` and `MOST`."""
        self.factor = min(MOST, max(LEAST, factor))
        self.turns.append((at_s, self.factor))

    def press(self, key: str, at_s: float) -> None:
        """Change the rate by a key; ignore other keys."""
        turned = KEYS.get(key)
        if turned is not None:
            self.turn(turned(self.factor), at_s)

    @property
    def words(self) -> str:
        """Return the changes in words; empty: none."""
        told = [f"x{factor:.3g} from {at_s:.1f} s" for at_s, factor in self.turns[-TOLD:]]
        often = f" {len(self.turns)} times, lastly" if len(self.turns) > TOLD else ""
        return f"; changed by hand{often}: {', '.join(told)}" if told else ""

    def turned(self, rates: Points) -> Points:
        """Return the changed rates: points of a line, seconds and requests per second."""
        if not self.turns or not rates:
            return rates
        ends = [(0.0, 1.0), *self.turns, (float("inf"), 1.0)]
        points: list[tuple[float, float]] = []
        for (from_s, factor), (to_s, _) in pairwise(ends):
            part = [(at_s, rate * factor) for at_s, rate in rates if from_s <= at_s < to_s]
            before = [rate for at_s, rate in rates if at_s <= from_s]
            if from_s and before:  # a step: the same time with the rates before and after it
                points.append((from_s, points[-1][1] if points else before[-1]))
                points.append((from_s, before[-1] * factor))
            points += part
        return tuple(points)
