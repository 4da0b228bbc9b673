"""Silences: new sources that got nothing authentic, as their other side may not be set up.

The store knows of each source when it was first heard, so that a restart forgets nothing and all
producers agree. A request only leaves a mark in memory: `Silences.settle` writes it later.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from portcall.runtime.clock import now_ms
from portcall.schemas.sources import Source
from portcall.store.errors import StoreUnavailableError

AFTER_MS = 10 * 60_000
"""Long enough to set up the other side."""
UNTIL_MS = 24 * 3_600_000
"""After a day it is known, or nothing was pushed."""

NoteHeard = Callable[[str, str, int, int], None]
"""Notes when a source (registry, name, when it was created) was first heard; it may block."""


class Silences:
    """Remembers which sources sent something authentic: warnings of the process.

    Args:
        sources: The present sources.
        clock: Milliseconds since the epoch.
    """

    def __init__(
        self, sources: Callable[[], Iterable[Source]], clock: Callable[[], int] = now_ms
    ) -> None:
        self._sources = sources
        self._clock = clock
        self._heard: dict[tuple[str, str, int], int] = {}

    def heard(self, source: Source) -> None:
        """Note an authentic request of *source*."""
        if not source.heard_ms:
            self._heard.setdefault(_key(source), self._clock())

    async def settle(self, note: NoteHeard) -> None:
        """Write what was heard first since the last call; without the store, the next one does."""
        silent = {_key(each) for each in self._sources() if not each.heard_ms}
        self._heard = {key: at_ms for key, at_ms in self._heard.items() if key in silent}
        for key, at_ms in tuple(self._heard.items()):
            try:
                await asyncio.to_thread(note, *key, at_ms)
            except StoreUnavailableError:
                return

    def warnings(self) -> Mapping[str, str]:
        """The new sources that sent nothing yet, with what to do."""
        return {
            f"source {each.registry}/{each.name}": (
                f"nothing with a valid proof arrived since it was created: see `portcall source"
                f" show {each.name} -r {each.registry}` for the set-up of the other side"
            )
            for each in self._sources()
            if self._is_silent(each)
        }

    def _is_silent(self, source: Source) -> bool:
        age_ms = self._clock() - source.created_ms
        is_new = AFTER_MS <= age_ms < UNTIL_MS
        return is_new and not source.heard_ms and _key(source) not in self._heard


def _key(source: Source) -> tuple[str, str, int]:
    return source.registry, source.name.lower(), source.created_ms
