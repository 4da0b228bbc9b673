"""Refused requests: each is counted by registry and reason, and who is refused again is named.

A registry that is refused says so in its own log at most, and sends the same again for ever. So
each kind of refusal has a counter, a line of the log now and then, and a warning of the process,
which `portcall doctor` shows. A name is a label only where there is such a registry, because
strangers choose names.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prometheus_client import Counter

from portcall.runtime.http.health import REFUSED_AGAIN
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.runtime.sampling import Sample

REFUSED = Counter(
    "portcall_producer_refused_requests",
    "Requests answered with an error, by registry (empty: none that there is) and code.",
    ["registry", "code"],
    registry=REGISTRY,
)
AGAIN = 3
"""So many refusals of one kind are more than a mistake that somebody sees at once."""
FORGOTTEN_S = 600.0
"""A registry waits for its back-off between two tries, which may be minutes."""
MAX_KINDS = 5_000
"""About a megabyte; the kinds are the registries times some ten codes."""
MAX_SAID = 300

_PATH = re.compile(r"/registries/([A-Za-z0-9]{1,64})/")

Known = Callable[[str], bool]
"""Whether there is a registry of that key."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused request.

    Attributes:
        status: The HTTP status of the answer.
        code: The word for machines in it.
        reason: What is wrong, in words.
        path: The path that was asked for.
    """

    status: int
    code: str
    reason: str
    path: str


@dataclass(slots=True)
class _Kind:
    """Refusals of one registry with one code: how many, since when, and the last."""

    count: int
    since_s: float
    last_s: float
    last: Refusal


class Refusing:
    """Counts refusals, logs some of them, and knows which come again and again.

    Args:
        known: Knows which registries there are.
        clock: Seconds that never go back.
    """

    def __init__(self, known: Known, clock: Callable[[], float] = time.monotonic) -> None:
        self._known = known
        self._clock = clock
        self._kinds: dict[tuple[str, str], _Kind] = {}
        self._sample = Sample(clock)
        self._log = get_logger()

    def note(self, refusal: Refusal) -> None:
        """One more was refused."""
        registry = self._registry_of(refusal.path)
        REFUSED.labels(registry, refusal.code).inc()
        now_s = self._clock()
        key = (registry, refusal.code)
        kind = self._kinds.pop(key, None)
        if kind is None or now_s - kind.last_s > FORGOTTEN_S:
            kind = _Kind(0, now_s, now_s, refusal)
        self._kinds[key] = kind
        kind.count, kind.last_s, kind.last = kind.count + 1, now_s, refusal
        if times := self._sample.times(key):
            self._say(registry, refusal, times)
        if len(self._kinds) > MAX_KINDS:
            del self._kinds[next(iter(self._kinds))]

    def warnings(self) -> Mapping[str, str]:
        """What is refused again and again, in words, by registry and code."""
        now_s = self._clock()
        return {
            f"{REFUSED_AGAIN} {code} {registry}".rstrip(): _told(kind, now_s)
            for (registry, code), kind in self._kinds.items()
            if kind.count >= AGAIN and now_s - kind.last_s <= FORGOTTEN_S
        }

    def _say(self, registry: str, refusal: Refusal, times: int) -> None:
        say = self._log.warning if refusal.status >= 500 else self._log.info
        say(
            "request.refused",
            registry=registry,
            path=refusal.path[:MAX_SAID],
            status=refusal.status,
            code=refusal.code,
            reason=refusal.reason[:MAX_SAID],
            times=times,
        )

    def _registry_of(self, path: str) -> str:
        found = _PATH.match(path)
        key = found[1].lower() if found else ""
        return key if self._known(key) else ""


def _told(kind: _Kind, now_s: float) -> str:
    last = kind.last
    return (
        f"{kind.count} requests in {now_s - kind.since_s:.0f} s, the last {now_s - kind.last_s:.0f}"
        f" s ago, to {last.path[:100]}: {last.status}, {last.reason[:MAX_SAID]}"
    )
