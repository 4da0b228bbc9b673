"""Refused requests: counted by registry and reason; repeated refusals are reported.

A refused registry at most logs that itself, and repeats the request for ever. So each kind of
refusal has a counter, a log line now and then, and a warning of the process, which `portcall
doctor` shows. A name becomes a label only if the registry exists, because clients choose names
freely.
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
"""So many refusals of one kind are more than a mistake that its author notices at once."""
FORGOTTEN_S = 600.0
"""A registry waits for its back-off between two tries, which may be minutes."""
MAX_KINDS = 5_000
"""About a megabyte; the kinds are the registries times some ten codes."""
MAX_SAID = 300

_PATH = re.compile(r"/registries/([A-Za-z0-9]{1,64})/(?:sources/([A-Za-z0-9-]{1,64})(?:/|$))?")

KnownSource = Callable[[str, str], bool]
"""Whether a registry has a source of that name."""
Known = Callable[[str], bool]
"""Whether a registry with that key exists."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused request.

    Attributes:
        status: The HTTP status of the answer.
        code: The word for machines in it.
        reason: What is wrong, as text.
        path: The path of the request.
        peer: The address that sent it; empty: unknown.
    """

    status: int
    code: str
    reason: str
    path: str
    peer: str = ""


@dataclass(slots=True)
class _Kind:
    """Refusals of one registry with one code: how many, since when, and the last."""

    count: int
    since_s: float
    last_s: float
    last: Refusal


class Refusing:
    """Counts refusals, logs some of them, and knows which are repeated.

    Args:
        known: Knows which registries exist.
        known_source: Knows which sources exist; None: there are none.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        known: Known,
        known_source: KnownSource | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._known = known
        self._known_source = known_source
        self._clock = clock
        self._kinds: dict[tuple[str, str], _Kind] = {}
        self._sample = Sample(clock)
        self._log = get_logger()

    def note(self, refusal: Refusal) -> None:
        """Note a refused request."""
        registry = self._registry_of(refusal.path)
        REFUSED.labels(registry, refusal.code).inc()
        now_s = self._clock()
        key = (registry + self._source_of(registry, refusal.path), refusal.code)
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
        """Descriptions of repeated refusals, by registry or ``registry/source``, and code."""
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
            peer=refusal.peer,
            times=times,
        )

    def _registry_of(self, path: str) -> str:
        found = _PATH.match(path)
        key = found[1].lower() if found else ""
        return key if self._known(key) else ""

    def _source_of(self, registry: str, path: str) -> str:
        """``/source`` for the path of a source that there is; empty for others."""
        found = _PATH.match(path)
        name = (found[2] or "").lower() if found else ""
        is_known = registry and name and self._known_source and self._known_source(registry, name)
        return f"/{name}" if is_known else ""


def _told(kind: _Kind, now_s: float) -> str:
    last = kind.last
    peer = f" from {last.peer}" if last.peer else ""
    return (
        f"{kind.count} requests in {now_s - kind.since_s:.0f} s, the last {now_s - kind.last_s:.0f}"
        f" s ago{peer}, to {last.path[:100]}: {last.status}, {last.reason[:MAX_SAID]}"
    )
