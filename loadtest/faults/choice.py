"""Which event gets which fault: parsed rates, and a seeded choice."""

import random
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from itertools import accumulate

from portcall.loadtest.faults.kinds import BY_NAME, KINDS, FaultKind, Group, Overtaken
from portcall.loadtest.payloads.formats import Format
from portcall.loadtest.signing import Signing, Style
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Action

EVERYTHING = "all"
USUAL_RATE = 0.01
HEAVY = frozenset({"huge-25mb"})
"""Never part of a group: it has to be given by its own name."""
FIELD = "--fault"
_RATE = re.compile(r"(\d+(?:\.\d+)?)(%?)", re.ASCII)


def parse_faults(words: Iterable[str]) -> dict[str, float]:
    """Parse faults with rates, e.g. ``duplicate:5%`` or ``signatures:0.02``, by names of kinds.

    A group, or ``all``, means each of its kinds; a later name overrides an earlier one.

    Raises:
        InvalidValueError: A name is unknown, or a rate is not from 0 to 1 (or 100 %).
    """
    rates: dict[str, float] = {}
    for word in ",".join(words).split(","):
        name, _, rate = word.strip().partition(":")
        if name:
            rates.update(dict.fromkeys(_names(name), _rate(name, rate)))
    if sum(rates.values()) > 1 + 1e-9:
        raise InvalidValueError(
            FIELD, f"the rates add up to {sum(rates.values()):.0%}; an event has one fault at most"
        )
    return rates


def _names(name: str) -> list[str]:
    if name in BY_NAME:
        return [name]
    if name == EVERYTHING or name in set(Group):
        return [
            kind.name
            for kind in KINDS
            if kind.name not in HEAVY and name in (EVERYTHING, kind.group)
        ]
    known = ", ".join([EVERYTHING, *Group, *BY_NAME])
    raise InvalidValueError(FIELD, f"{name[:40]!r} is not a fault; there are {known}")


def _rate(name: str, text: str) -> float:
    if not text:
        return USUAL_RATE
    match = _RATE.fullmatch(text)
    rate = float(match[1]) / (100 if match[2] else 1) if match else 2.0
    if rate > 1:
        raise InvalidValueError(
            FIELD, f"{text[:20]!r} is not a rate; write {name}:0.05 or {name}:5%"
        )
    return rate


def impossible(kind: FaultKind, signing: Signing, payload: Format) -> str:
    """Return why *kind* cannot be injected into such POSTs; empty: it can."""
    if kind.needs and signing.sign is None:
        return "needs a secret (--secret)"
    if kind.needs == "stamped" and not signing.style.stamped:
        return f"{signing.style} does not sign the time"
    if kind.needs == "rotating" and signing.style is Style.GITHUB:
        return "GitHub has one signature only"
    if kind.overtaken is Overtaken.BY_REMOVAL and Action.DELETE not in payload.actions:
        return f"{payload.name} has no delete events"
    return ""


def possible_faults(
    rates: Mapping[str, float], named: Iterable[str], signing: Signing, payload: Format
) -> dict[str, float]:
    """Return the possible faults; a group leaves out the others.

    Args:
        rates: From `parse_faults`.
        named: The faults that were given by their own name.
        signing: How the POSTs are signed.
        payload: Their format.

    Raises:
        InvalidValueError: A fault given by its own name cannot be injected.
    """
    asked = {word.strip().partition(":")[0] for word in ",".join(named).split(",")}
    found: dict[str, float] = {}
    for name, rate in rates.items():
        reason = impossible(BY_NAME[name], signing, payload)
        if reason and name in asked:
            raise InvalidValueError(FIELD, f"{name}: {reason}")
        if not reason and rate:
            found[name] = rate
    return found


class Chooser:
    """Chooses the fault of one event after the other.

    Args:
        rates: The rate of each kind, from 0 to 1, together at most 1.
        seed: The same seed gives the same faults.
    """

    def __init__(self, rates: Mapping[str, float], *, seed: int) -> None:
        self.random = random.Random(f"faults {seed}")  # noqa: S311 (reproducible, not secret)
        self._kinds = [BY_NAME[name] for name in rates]
        self._sums = list(accumulate(rates.values()))

    def next(self) -> FaultKind | None:
        """Return the fault of the next event; None: it has none."""
        if not self._kinds:
            return None
        place = bisect_right(self._sums, self.random.random())
        return self._kinds[place] if place < len(self._kinds) else None
