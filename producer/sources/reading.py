"""Reading bodies without holding up other requests: a large one is read in a thread.

The adapters read a body in one go: 5,000 events of Event Grid take 0.4 to 0.8 s. In a thread the
longest pause of the event loop is 20 ms, as both share the interpreter in turns of 5 ms. One thread
reads one body after the other, so that many large bodies leave half of two cores to the rest. It is
not the threads of the store's queries, which tokens wait for.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

AT_ONCE_BYTES = 64 * 1024
"""About 1 ms."""
AT_ONCE_COMMAS = 500
"""Commas are between fields and between items: 20 events of Event Grid, 300 fields of GitHub's
package event, or 500 of the smallest events that a generic source can have, which take 35 ms."""

Value = TypeVar("Value")


class BodyReader:
    """Runs the reading of bodies."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "source-bodies")

    async def run(self, body: bytes, work: Callable[[], Value]) -> Value:
        """What *work*, which reads *body*, gives; for a large body it runs in the thread."""
        if is_small(body):
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def is_small(body: bytes) -> bool:
    """Whether a body is read faster than a turn of the event loop may take."""
    return len(body) <= AT_ONCE_BYTES and body.count(b",") <= AT_ONCE_COMMAS
