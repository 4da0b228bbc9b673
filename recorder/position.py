"""The recorder's position in the stream: which messages are new, stored or missing.

The broker cannot be asked only for the messages after my last frame. If the stream was replaced
(the broker's data was lost, or another broker is used) and is shorter now than the stored offset,
RabbitMQ attaches at its end and drops messages with smaller offsets: none would arrive until it has
grown past that. So a connection begins at the last chunk, which the broker sends at once, whatever
it holds:

====================================  =============================================================
the first messages                    meaning
====================================  =============================================================
the stored frame is among them        nothing was missed: continue after it
they are after it                     some were missed: begin again, at the stored offset
they are before it, and are stored    the stored frame must follow
they are before it, and are new       another stream, or one that lost its end: read all of it
another frame is at its offset        the same
====================================  =============================================================

Reading all of a stream stores nothing twice, because the store knows its frames.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto

from portcall.store.records.appending import Position

OWN_ENTRIES = 1
"""Consecutive offsets that the broker uses itself."""


class Aim(Enum):
    """The purpose of the next connection."""

    LOOK = auto()
    """Check at the end of the stream whether it is the same stream."""
    CATCH_UP = auto()
    """Begin at the stored frame: the stream continues after it."""
    READ_ALL = auto()
    """Begin at the beginning: it is another stream."""


class Handling(Enum):
    """How the recorder handles a message."""

    TAKE = auto()
    """It is new."""
    SKIP = auto()
    """It was stored before."""
    FOUND = auto()
    """It is the last stored one: all later ones are new."""
    CATCH_UP = auto()
    """It is new, but earlier ones are, too: connect again."""
    READ_ALL = auto()
    """It shows that it is another stream: connect again."""


@dataclass(frozen=True, slots=True)
class StreamPosition:
    """A connection's position in the stream.

    Attributes:
        sought: The stored position, until it is found in the stream.
        follows: The offset that must come next; None: any.
        from_sought: Whether the connection began at the stored position, not at the last chunk.
    """

    sought: Position | None = None
    follows: int | None = None
    from_sought: bool = False

    def judge(self, offset: int, frame_id: str, *, is_stored: bool) -> Handling:
        """Classify the message at *offset*; *is_stored*: whether the store knows its frame."""
        sought = self.sought
        if sought is None:
            return Handling.TAKE
        if offset < sought.offset:
            return Handling.SKIP if is_stored else Handling.READ_ALL
        if offset == sought.offset:
            return Handling.FOUND if frame_id == sought.frame_id else Handling.READ_ALL
        return Handling.TAKE if self.from_sought else Handling.CATCH_UP

    def behind(self, offset: int) -> "StreamPosition":
        """The place after the message at *offset* was taken or found."""
        return replace(self, sought=None, follows=offset + 1)

    def missing(self, offset: int) -> int:
        """How many messages are missing between the expected offset and *offset*.

        A single missing offset is not counted: retention drops whole segments, and each segment
        (100 MB) begins with an entry of the broker that takes an offset and reaches no reader.
        Source: seen with RabbitMQ 3.10.8, where each missing offset was the first of a segment's
        file.
        """
        gone = 0 if self.follows is None else max(0, offset - self.follows)
        return gone if gone > OWN_ENTRIES else 0


def begin(position: Position | None, aim: Aim) -> tuple[int | str, StreamPosition]:
    """Where to begin to read, for the stored position and the aim, and the place there."""
    if position is None or aim is Aim.READ_ALL:
        return "first", StreamPosition()
    follows = position.offset + 1
    if aim is Aim.CATCH_UP:
        return position.offset, StreamPosition(sought=position, follows=follows, from_sought=True)
    return "last", StreamPosition(sought=position, follows=follows)
