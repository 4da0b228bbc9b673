"""The contents of a letter: deliveries, events, or something that is not a frame. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec
from msgspec import UNSET, Struct, UnsetType

from portcall.schemas.deliveries import Delivery
from portcall.schemas.errors import FrameError, InvalidValueError
from portcall.schemas.events import Event, check_action
from portcall.schemas.frames import decode_deliveries, decode_events


class LetterKind(StrEnum):
    """What a letter holds."""

    DELIVERIES = "deliveries"
    EVENTS = "events"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class LetterItem:
    """A part of a letter that can be sent again by itself.

    Attributes:
        event: The event.
        delivery: Its delivery; None: the event was not routed yet.
    """

    event: Event
    delivery: Delivery | None = None

    @property
    def problem(self) -> str:
        """Why it can never be sent again; empty: it can."""
        if self.delivery is not None:
            return ""  # its action was checked before; deliverers do not use it
        try:
            check_action(self.event.action)
        except InvalidValueError as error:
            return str(error)
        return ""


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of a letter.

    Attributes:
        kind: Their kind.
        pieces: One by one; none if it is unreadable.
        problem: Why it is unreadable.
    """

    kind: LetterKind
    pieces: Sequence[LetterItem] = field(default=(), repr=False)
    problem: str = ""


class _Shape(Struct):
    """The fields that distinguish the kinds of frames, as far as they exist."""

    deliveries: msgspec.Raw | UnsetType = UNSET
    records: msgspec.Raw | UnsetType = UNSET
    notes: msgspec.Raw | UnsetType = UNSET


_shape_of = msgspec.json.Decoder(_Shape).decode


def read(body: bytes) -> Contents:
    """Read a letter; never raises: an unreadable one gets that kind and the problem."""
    try:
        shape = _shape_of(body)
        if shape.deliveries is not UNSET:
            return _deliveries(body)
        if shape.records is UNSET and shape.notes is UNSET:
            return _events(body)
    except FrameError as error:
        return Contents(LetterKind.UNREADABLE, problem=str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Contents(LetterKind.UNREADABLE, problem=f"not a frame: {error}")
    return Contents(LetterKind.UNREADABLE, problem="a frame of the log, which is not sent again")


def _deliveries(body: bytes) -> Contents:
    frame = decode_deliveries(body)
    pieces = [LetterItem(frame.events[each.event], each) for each in frame.deliveries]
    return _of(LetterKind.DELIVERIES, pieces)


def _events(body: bytes) -> Contents:
    return _of(LetterKind.EVENTS, [LetterItem(event) for event in decode_events(body).events])


def _of(kind: LetterKind, pieces: Sequence[LetterItem]) -> Contents:
    if not pieces:
        return Contents(LetterKind.UNREADABLE, problem=f"a frame without {kind}")
    return Contents(kind, pieces)
