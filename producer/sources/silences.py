"""Silences: new sources that got nothing authentic, as their other side may not be set up."""

from collections.abc import Callable, Iterable, Mapping

from portcall.runtime.clock import now_ms
from portcall.schemas.sources import Source

AFTER_MS = 10 * 60_000
"""Long enough to set up the other side."""
UNTIL_MS = 24 * 3_600_000
"""After a day it is known, or nothing was pushed."""


class Silences:
    """Remembers which sources sent something authentic: warnings of the process.

    Only sources that were created after the start of this process are reported: it cannot know what
    the others sent before. With several producers, another one may have got it.

    Args:
        sources: The present sources.
        clock: Milliseconds since the epoch.
    """

    def __init__(
        self, sources: Callable[[], Iterable[Source]], clock: Callable[[], int] = now_ms
    ) -> None:
        self._sources = sources
        self._clock = clock
        self._started_ms = clock()
        self._heard: set[tuple[str, str, int]] = set()

    def heard(self, source: Source) -> None:
        """Note an authentic request of *source*."""
        if source.created_ms >= self._started_ms:
            self._heard.add(_key(source))

    def warnings(self) -> Mapping[str, str]:
        """The new sources that sent nothing yet, with what to do."""
        new = [each for each in self._sources() if self._is_due(each)]
        return {
            f"source {each.registry}/{each.name}": (
                f"nothing with a valid proof arrived since it was created: see `portcall source"
                f" show {each.name} -r {each.registry}` for the set-up of the other side"
            )
            for each in new
            if _key(each) not in self._heard
        }

    def _is_due(self, source: Source) -> bool:
        age_ms = self._clock() - source.created_ms
        return source.created_ms >= self._started_ms and AFTER_MS <= age_ms < UNTIL_MS


def _key(source: Source) -> tuple[str, str, int]:
    return source.registry, source.name.lower(), source.created_ms
