"""Notes of the journal, and what the accounts say of them."""

import itertools
from collections.abc import Sequence

import msgspec

from portcall.runtime.clock import now_ms
from portcall.schemas.events import Event
from portcall.schemas.frames import decode_raw_journal, encode_journal
from portcall.schemas.journal import IgnoredNote, Note
from portcall.schemas.records import Outcome
from portcall.schemas.topology import JOURNAL
from portcall.store.engine import Store
from portcall.store.journal.accounts import Account, Accounts, Doubt
from portcall.store.journal.open_events import BEGINNING, Cursor
from portcall.store.records.appending import Position
from tests.unit.store.contract.eventlog import append
from tests.unit.store.samples import frame, record

T = now_ms() + 3_600_000
"""When the events of these tests are accepted: after the journal began."""
LATER = T + 100_000
HOOK = 2**51
_numbers = itertools.count(1)


def event(name: str, *, accepted_ms: int = T, registry: str = "myregistry") -> Event:
    return Event(name, registry, "push", accepted_ms, msgspec.Raw(b"{}"), "team/app", "v1")


def take(
    store: Store, *notes: Note, frame_id: str = "", ignored: Sequence[IgnoredNote] = ()
) -> Position:
    """Append a frame of notes behind what is there, and do not enter it."""
    body = encode_journal(frame_id or f"notes-{next(_numbers)}", notes, ignored)
    position = store.journal.position(JOURNAL)
    offset = position.offset + 1 if position else 0
    return store.journal.append(JOURNAL, position, [(offset, decode_raw_journal(body))])


def note(store: Store, *notes: Note) -> None:
    """Append a frame of notes and enter it."""
    take(store, *notes)
    enter(store)


def enter(store: Store) -> int:
    """Enter everything; says how many notes were unusable."""
    unusable = 0
    while True:
        entered, refused = store.journal.enter()
        unusable += refused
        if not entered:
            return unusable


def settle(store: Store) -> int:
    """Settle everything that can be; says how many events."""
    while store.journal.check():
        pass
    settled = 0
    cursor: Cursor | None = BEGINNING
    while cursor is not None:
        count, cursor = store.journal.settle(cursor)
        settled += count
    return settled


def record_of(store: Store, of: Event, *outcomes: tuple[int, Outcome], at_ms: int = T) -> None:
    """Record attempts of an event: to whom, and what followed."""
    rows = [record(hook, outcome=outcome, started_ms=at_ms) for hook, outcome in outcomes]
    append(store, frame(rows, [of]))


def read(store: Store, *, before_ms: int = 0, horizon_ms: int = 0) -> Accounts:
    return store.journal.accounts(horizon_ms=horizon_ms, before_ms=before_ms)


def only(accounts: Accounts) -> Account:
    (account,) = accounts.registries
    return account


def doubts(store: Store, before_ms: int = LATER) -> list[tuple[Doubt, str, int | None]]:
    found = read(store, before_ms=before_ms).suspects
    return [(each.doubt, each.event_id, each.webhook_id) for each in found]


def bad(event_id: str, at_ms: int = T, *, registry: str = "myregistry", **more: str) -> IgnoredNote:
    """The note of a push that cannot be read."""
    fields = {"action": "push", "place": "events[0].target.tag", "problem": "is not a tag"} | more
    return IgnoredNote(event_id, registry, at_ms, "bad_tag", **fields)


def pulled(event_id: str, at_ms: int = T) -> IgnoredNote:
    """The note of a pull."""
    return IgnoredNote(event_id, "myregistry", at_ms, "pull", "pull", "team/app")


def untagged(tag: str, at_ms: int = T, **more: str) -> IgnoredNote:
    """The note that a tag was deleted."""
    fields = {"registry": "myregistry", "repository": "team/app", "request_id": "r-1"} | more
    return IgnoredNote(
        event_id=f"of-{tag}",
        ignored_ms=at_ms,
        reason="tag_delete",
        action="delete",
        tag=tag,
        **fields,
    )
