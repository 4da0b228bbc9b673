"""Notes about routed events, for the journal, by the process that knows their webhooks."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from portcall.runtime.broker.batcher import Batcher
from portcall.runtime.broker.groups import Groups
from portcall.runtime.broker.publishing import SurePublisher
from portcall.runtime.latch import Latch
from portcall.schemas.events import Event
from portcall.schemas.frames import encode_journal
from portcall.schemas.journal import MAX_NOTES, ROUTED_LINGER_S, Note, routed
from portcall.schemas.topology import JOURNAL

NOTE_BYTES = 128
"""The approximate size of a note in a frame, without its webhooks."""

Routed = tuple[Event, Sequence[int], Mapping[str, Sequence[int]] | None]
"""An event, the webhooks that it goes to, and those whose filters held it back, by the filter's
name; None: none. It has no names: making it costs less, and every event makes one."""


@dataclass(slots=True)
class OutgoingNote:
    """One note that waits to be packed.

    Attributes:
        routed: What it says.
        latch: Counted down when it is confirmed.
        note: The note, once it is made.
    """

    routed: Routed
    latch: Latch
    note: Note | None = None

    def make(self) -> Note:
        """Make the note, once."""
        if self.note is None:
            self.note = routed(*self.routed)
        return self.note


class RoutedNotes:
    """Notes which webhooks events were routed to.

    Notes wait for others, up to `ROUTED_LINGER_S`, because nothing urgent depends on them: the
    deliveries are on their way.

    Args:
        publisher: Publishes the frames.
        max_held: Frames that may wait for the confirms of their notes; with more the notes do not
            wait for others.
    """

    def __init__(self, publisher: SurePublisher, *, max_held: int) -> None:
        self._publisher = publisher
        self._notes = Batcher(
            self._send,
            weigh=_weigh,
            max_items=MAX_NOTES,
            linger_s=ROUTED_LINGER_S,
            patient=True,
        )
        self._unmade: Groups[OutgoingNote] = Groups(OutgoingNote.make)
        self._held = 0
        self._max_held = max_held

    def note(self, matched: Iterable[Routed]) -> Latch:
        """Note for each event which webhooks it was routed to; done when that is confirmed."""
        notes = list(matched)
        latch = Latch(len(notes))
        for each in notes:
            item = OutgoingNote(each, latch)
            self._notes.add(item)
            self._unmade.add(item)
        if notes:
            self._held += 1
        if self._held >= self._max_held:
            self._notes.hurry()
        return latch

    def hold_nothing(self) -> None:
        """From now on no note waits for others: the process stops."""
        self._notes.hold_nothing()

    async def _send(self, items: list[OutgoingNote]) -> None:
        self._unmade.do()  # also of items that leave later: none stays when nothing more comes
        body = encode_journal(uuid.uuid4().hex, [item.make() for item in items])
        await self._publisher.publish_surely(body, exchange=JOURNAL)
        for item in items:
            item.latch.count_down()
            if item.latch.is_done:
                self._held -= 1


def _weigh(item: OutgoingNote, _last: OutgoingNote | None) -> int:
    _, webhook_ids, held = item.routed
    several = sum(map(len, held.values())) if held else 0
    return NOTE_BYTES + 4 * (len(webhook_ids) + several)
