"""The accounts: the accepted events, by the result of their deliveries.

They compare two independent sources: the journal says which deliveries should exist, and the log
which ones do. Open events are counted for each request; `store.journal.closing` counted each
settled one once.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection, func, select

from portcall.store.database import counters
from portcall.store.database.tables import journal
from portcall.store.journal import entries as noting
from portcall.store.journal import tallies
from portcall.store.journal.open_events import OpenEvent, all_open_events, within
from portcall.store.journal.tallies import RETRIED, Tally

MAX_SUSPECTS = 20
"""How many suspects are listed."""


class Doubt(StrEnum):
    """Why a delivery, or an event, should be checked."""

    NOT_ROUTED = "notRouted"
    """Accepted, but no router has noted its webhooks."""
    NOT_ATTEMPTED = "notAttempted"
    """Routed, but there is no record of an attempt."""
    NOT_RETRIED = "notRetried"
    """Attempted, but there is no record of the next attempt."""
    NEVER_ACCEPTED = "neverAccepted"
    """There are records of an event that was never accepted."""
    NEVER_ROUTED = "neverRouted"
    """There are records of a delivery that no router made."""


@dataclass(slots=True)
class Account:
    """The results for one registry's events. An event for n webhooks is n deliveries, for none 1.

    Attributes:
        registry: In lower case.
        events: How many were accepted.
        accepted: How many deliveries that makes.
        delivered: How many of them were delivered.
        given_up: How many were given up.
        cancelled: How many were cancelled.
        refused: How many the receiver refused for good.
        filtered: How many were not made, because a filter of the webhook held the event back.
        no_match: How many events matched no webhook.
        open: How many have not ended, by the reason.
        unmoved: How many of these, and of deliveries that should not exist, have not changed since
            the given time.
    """

    registry: str
    events: int = 0
    accepted: int = 0
    delivered: int = 0
    given_up: int = 0
    cancelled: int = 0
    refused: int = 0
    filtered: int = 0
    no_match: int = 0
    open: Counter[Doubt] = field(default_factory=Counter)
    unmoved: Counter[Doubt] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A delivery or an event that does not move, or should not exist.

    Attributes:
        doubt: Why it is suspected.
        registry: In lower case.
        event_id: Its event.
        digest: Of the event, in hex.
        accepted_ms: When that was accepted.
        webhook_id: Its webhook; None: it is the event itself.
        last_ms: When its last attempt ended; None: there was none.
    """

    doubt: Doubt
    registry: str
    event_id: str
    digest: str
    accepted_ms: int
    webhook_id: int | None = None
    last_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of every registry at one moment.

    Attributes:
        since_ms: They cover events that were accepted since then.
        registries: By name.
        suspects: Some of the unmoved, the oldest first.
    """

    since_ms: int
    registries: tuple[Account, ...]
    suspects: tuple[Suspect, ...]


def read(
    connection: Connection,
    *,
    horizon_ms: int,
    before_ms: int,
    registry: str | None = None,
    limit: int = MAX_SUSPECTS,
) -> Accounts:
    """Read the accounts; see `store.journal.journal.Journal.accounts`."""
    since_ms = max(counters.read(connection, counters.JOURNAL_SINCE), horizon_ms)
    found: dict[str, Account] = {}
    for account in _settled(connection, since_ms, registry):
        found[account.registry] = account
    suspects: list[Suspect] = []
    for rows in all_open_events(connection, since_ms, registry):
        known = tallies.tally(connection, [(row.event_id, row.digest) for row in rows], before_ms)
        for row in rows:
            account = found.setdefault(row.registry, Account(row.registry))
            doubts = _enter(connection, account, row, known.get(row.digest, Tally()), before_ms)
            if doubts and len(suspects) < limit:
                suspects += _named(connection, row, before_ms)
    return Accounts(
        since_ms,
        tuple(found[name] for name in sorted(found)),
        tuple(suspects[:limit]),
    )


def _settled(connection: Connection, since_ms: int, registry: str | None) -> Iterator[Account]:
    columns = journal.c
    query = (
        select(
            columns.registry,
            func.count().label("events"),
            func.sum(columns.matches).label("matches"),
            func.sum(columns.delivered).label("delivered"),
            func.sum(columns.given_up).label("given_up"),
            func.sum(columns.cancelled).label("cancelled"),
            func.sum(columns.filtered).label("filtered"),
            func.count().filter(columns.matches + columns.filtered == 0).label("no_match"),
            func.sum(columns.refused).label("refused"),
        )
        .where(columns.settled == 1, columns.accepted_ms >= since_ms)
        .group_by(columns.registry)
    )
    for row in connection.execute(within(query, registry)):
        yield Account(
            registry=row.registry,
            events=row.events,
            accepted=int(row.matches) + int(row.filtered) + row.no_match,
            delivered=int(row.delivered),
            given_up=int(row.given_up),
            cancelled=int(row.cancelled),
            filtered=int(row.filtered),
            refused=int(row.refused),
            no_match=row.no_match,
        )


def _enter(
    connection: Connection, account: Account, row: OpenEvent, tally: Tally, before_ms: int
) -> Counter[Doubt]:
    """Count an open event; returns its unmoved deliveries by reason."""
    strays = 0
    if row.is_odd(tally):
        tally, strays = _divided(connection, row, before_ms)
    is_old = row.accepted_ms < before_ms
    unmoved = Counter({Doubt.NEVER_ROUTED: strays * is_old})
    if row.matches is None:
        doubt = Doubt.NOT_ROUTED if row.accepted else Doubt.NEVER_ACCEPTED
        unmoved[doubt] += is_old
        account.events += row.accepted
        account.accepted += row.accepted
        account.open[Doubt.NOT_ROUTED] += row.accepted
    else:
        waiting = row.matches - tally.recorded
        unmoved[Doubt.NOT_ATTEMPTED] += waiting * is_old
        unmoved[Doubt.NOT_RETRIED] += tally.unmoved
        account.events += 1
        account.accepted += row.matches + row.filtered or 1
        account.no_match += row.matches + row.filtered == 0
        account.filtered += row.filtered
        account.delivered += tally.delivered
        account.given_up += tally.given_up
        account.cancelled += tally.cancelled
        account.refused += tally.refused
        account.open[Doubt.NOT_ATTEMPTED] += waiting
        account.open[Doubt.NOT_RETRIED] += tally.recorded - tally.ended
    account.unmoved += unmoved
    return +unmoved


def _divided(connection: Connection, row: OpenEvent, before_ms: int) -> tuple[Tally, int]:
    """The tally of the deliveries that should exist, and the number of the others."""
    wanted = set(noting.webhooks_of(noting.rows_of(connection, [row.digest])[row.digest]))
    found = tallies.deliveries(connection, row.event_id, row.digest)
    own = [each for webhook_id, each in found.items() if webhook_id in wanted]
    endings = Counter(each.ending for each in own)
    tally = Tally(
        recorded=len(own),
        delivered=endings[tallies.DELIVERED],
        given_up=endings[tallies.GIVEN_UP],
        cancelled=endings[tallies.CANCELLED],
        refused=endings[tallies.REFUSED],
        unmoved=sum(each.ending == RETRIED and each.last_ms < before_ms for each in own),
    )
    return tally, len(found) - len(own)


def _named(connection: Connection, row: OpenEvent, before_ms: int) -> Iterator[Suspect]:
    """Everything of an event that is unmoved, or should not exist."""
    identity = (row.registry, row.event_id, row.digest.hex(), row.accepted_ms)
    if row.matches is None:
        yield Suspect(Doubt.NOT_ROUTED if row.accepted else Doubt.NEVER_ACCEPTED, *identity)
        return
    wanted = noting.webhooks_of(noting.rows_of(connection, [row.digest])[row.digest])
    found = tallies.deliveries(connection, row.event_id, row.digest)
    is_old = row.accepted_ms < before_ms
    for webhook_id in wanted:
        each = found.pop(webhook_id, None)
        if each is None:
            if is_old:
                yield Suspect(Doubt.NOT_ATTEMPTED, *identity, webhook_id)
        elif each.ending == RETRIED and each.last_ms < before_ms:
            yield Suspect(Doubt.NOT_RETRIED, *identity, webhook_id, each.last_ms)
    for webhook_id, each in found.items():
        if is_old:
            yield Suspect(Doubt.NEVER_ROUTED, *identity, webhook_id, each.last_ms)
