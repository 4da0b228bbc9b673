"""Messages taken directly from a channel's frames, without the client's queue and its tasks.

The client puts each frame (three for a message, one for a confirm) into a queue of the channel. A
task of the channel takes them out, and starts another task for each message. At a few hundred
messages a second these wake-ups cost more than what we do with a message (docs/decisions/0055). So
a `Diversion` stands in front of that queue, and hands the frames that we read ourselves over at
once. All other frames take the client's way.
"""

from asyncio import Queue
from collections.abc import Callable
from typing import Any, cast

from aiormq import Channel
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from portcall.runtime.logs import get_logger

Method = Basic.Deliver | Basic.Return
"""A message that the broker delivers to a consumer, or returns to its publisher."""


class Diversion:
    """Stands in for the queue of a channel's frames.

    Args:
        queue: The queue that the client has made.
        takes: Takes a frame, or returns False: then the client gets it.
    """

    def __init__(self, queue: Queue[tuple[int, object]], takes: Callable[[object], bool]) -> None:
        self._queue = queue
        self._takes = takes

    async def put(self, item: tuple[int, object]) -> None:
        """Take one frame, or put it into the client's queue."""
        if not self._takes(item[1]):
            await self._queue.put(item)

    async def get(self) -> tuple[int, object]:
        """The next frame for the client."""
        return await self._queue.get()

    def task_done(self) -> None:
        """The client has handled a frame."""
        self._queue.task_done()


def divert(channel: Channel, takes: Callable[[object], bool]) -> None:
    """Let *takes* see all further frames of *channel* first. An error in it is only logged.

    It would end the reader of the whole connection otherwise.
    """

    def guarded(frame: object) -> bool:
        try:
            return takes(frame)
        except Exception:  # noqa: BLE001 (called by the client's reader, which must go on)
            get_logger().exception("frame.failed", kind=type(frame).__name__)
            return True

    channel.frames = cast("Any", Diversion(channel.frames, guarded))


class Contents:
    """Puts messages together: a method, a header, and bodies until the size is reached.

    Args:
        kind: The method that begins a message of ours.
        done: Called with each whole message.
    """

    def __init__(
        self,
        kind: type[Basic.Deliver | Basic.Return],
        done: Callable[[Any, ContentHeader, bytes], None],
    ) -> None:
        self._kind = kind
        self._done = done
        self._method: Method | None = None
        self._header: ContentHeader | None = None
        self._parts: list[bytes] = []
        self._missing = 0

    def takes(self, frame: object) -> bool:
        """Take the next frame of a message; False: it belongs to none."""
        if isinstance(frame, self._kind):
            self._method = frame
            return True
        if self._method is None:
            return False
        if isinstance(frame, ContentHeader):
            self._header, self._missing = frame, frame.body_size
        elif isinstance(frame, ContentBody):
            self._parts.append(frame.value)
            self._missing -= len(frame.value)
        else:
            return False
        if self._missing <= 0:
            self._end()
        return True

    def _end(self) -> None:
        method, header = self._method, self._header
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._method, self._header, self._parts = None, None, []
        if method is not None and header is not None:
            self._done(method, header, body)
