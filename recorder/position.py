"""Where the recorder stands in the stream: what is new, what was stored, what is missing.

The broker cannot be asked for "what comes after my last frame" alone. If the stream was replaced
(the broker's data was lost, another broker taken) and is shorter now than the stored offset, then
RabbitMQ attaches at its end and drops whatever has a smaller offset: nothing would come, for as
long as it takes to grow. So a connection begins at the last chunk, which the broker sends at once,
whatever it holds:

====================================  =============================================================
the first messages                    what that means
====================================  =============================================================
the stored frame is among them        nothing was missed: go on behind it
they stand behind it                  some were missed: begin again, at the stored offset
they stand before it, and are stored  the stored frame must follow
they stand before it, and are new     another stream, or one that lost its end: read all of it
another frame stands at its offset    the same
====================================  =============================================================

To read all of a stream stores nothing twice, because the store knows the frames that it has.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto

from portcall.store.records.appending import Position

OWN_ENTRIES = 1
"""Offsets in a row that the broker takes for itself."""


class Aim(Enum):
    """What the next connection is for."""

    LOOK = auto()
    """See at the end of the stream whether it is the one that was read."""
    CATCH_UP = auto()
    """Begin at the stored frame: the stream goes on behind it."""
    READ_ALL = auto()
    """Begin at the beginning: this is not the stream that was read."""


class Verdict(Enum):
    """What a message is to the recorder."""

    TAKE = auto()
    """It is new."""
    SKIP = auto()
    """It was stored before."""
    FOUND = auto()
    """It is the last that was stored: all that follows is new."""
    CATCH_UP = auto()
    """It is new, but others before it are, too: connect again."""
    READ_ALL = auto()
    """It shows that the stream is not the one that was read: connect again."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the stream a connection stands.

    Attributes:
        sought: The stored position, as long as it was not found in the stream.
        follows: The offset that must come next; None: any.
        from_sought: Whether the connection began at the stored position, not at the last chunk.
    """

    sought: Position | None = None
    follows: int | None = None
    from_sought: bool = False

    def judge(self, offset: int, frame_id: str, *, is_stored: bool) -> Verdict:
        """What the message at *offset* is; *is_stored*: whether the store knows its frame."""
        sought = self.sought
        if sought is None:
            return Verdict.TAKE
        if offset < sought.offset:
            return Verdict.SKIP if is_stored else Verdict.READ_ALL
        if offset == sought.offset:
            return Verdict.FOUND if frame_id == sought.frame_id else Verdict.READ_ALL
        return Verdict.TAKE if self.from_sought else Verdict.CATCH_UP

    def behind(self, offset: int) -> "Place":
        """The place after the message at *offset* was taken or found."""
        return replace(self, sought=None, follows=offset + 1)

    def missing(self, offset: int) -> int:
        """How many messages are gone between what must come next and *offset*.

        A single one never is: retention takes whole segments, and each segment (100 MB) begins with
        an entry of the broker's own that takes an offset and reaches no reader. Source: seen with
        RabbitMQ 3.10.8, where each missing offset was the first of a segment's file.
        """
        gone = 0 if self.follows is None else max(0, offset - self.follows)
        return gone if gone > OWN_ENTRIES else 0


def begin(position: Position | None, aim: Aim) -> tuple[int | str, Place]:
    """Where to begin to read, for what is stored, and the place there."""
    if position is None or aim is Aim.READ_ALL:
        return "first", Place()
    follows = position.offset + 1
    if aim is Aim.CATCH_UP:
        return position.offset, Place(sought=position, follows=follows, from_sought=True)
    return "last", Place(sought=position, follows=follows)
