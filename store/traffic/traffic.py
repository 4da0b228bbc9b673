"""Traffic: sums of the records, for pages that cover millions of them.

Only the recorder's scan (`store.traffic.rollups`) reads single records: a page over 500 webhooks
and 1,000,000 records costs as much as one over few of either.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Row

from portcall.runtime.clock import now_ms
from portcall.schemas.records import Outcome
from portcall.store.database.database import Database
from portcall.store.traffic import rollups
from portcall.store.traffic.buckets import FIVE, HOUR, NARROW, WIDE, shown_bucket_s, source_of
from portcall.store.traffic.latency import Latency
from portcall.store.traffic.sum_rows import read_newest, read_sums, read_totals

FINE_MS = 3 * 3_600_000
"""Longer spans of a webhook have buckets of hours."""


@dataclass(slots=True)
class Sums:
    """The sums of some time.

    Attributes:
        attempts: POSTs that were made, or refused because of their address.
        succeeded: Those that were answered 2xx.
        given_up: Those that were the last: the delivery was given up.
        cancelled: Deliveries that ended without an attempt; not among the attempts.
        refused: Attempts that the receiver refused for good; they are no failures.
        events: Accepted events; of an installation or a registry, never of a webhook.
        latency: Of the attempts that were answered, whatever the status.
    """

    attempts: int = 0
    succeeded: int = 0
    given_up: int = 0
    cancelled: int = 0
    refused: int = 0
    events: int = 0
    latency: Latency = field(default_factory=Latency)

    def merge(self, other: "Sums") -> None:
        """Add the sums of some other time."""
        self.attempts += other.attempts
        self.succeeded += other.succeeded
        self.given_up += other.given_up
        self.cancelled += other.cancelled
        self.refused += other.refused
        self.events += other.events
        self.latency.merge(other.latency)

    @property
    def failed(self) -> int:
        """Attempts without a 2xx answer and without a final one."""
        return self.judged - self.succeeded

    @property
    def judged(self) -> int:
        """Attempts that were not refused: the success rate is of these."""
        return self.attempts - self.refused

    @property
    def success_rate(self) -> float | None:
        """From 0 to 1, of the attempts that were not refused; None: there was none."""
        return self.succeeded / self.judged if self.judged else None


@dataclass(frozen=True, slots=True)
class Bucket:
    """The sums of one bucket.

    Attributes:
        start_ms: When it began, milliseconds since the epoch.
        sums: Its sums.
    """

    start_ms: int
    sums: Sums


@dataclass(frozen=True, slots=True)
class Series:
    """A series of buckets, including empty ones.

    Attributes:
        step_s: The length of a bucket, seconds.
        buckets: Oldest first, without gaps. The first may have begun before the time asked for;
            the last may still be growing.
    """

    step_s: int
    buckets: Sequence[Bucket]

    @property
    def total(self) -> Sums:
        """The sums of all buckets."""
        whole = Sums()
        for bucket in self.buckets:
            whole.merge(bucket.sums)
        return whole


@dataclass(frozen=True, slots=True)
class LastAttempt:
    """The newest record of a webhook.

    Attributes:
        record_id: Its id.
        started_ms: When the attempt began, milliseconds since the epoch.
        outcome: How it ended.
        status: The HTTP status; 0 where there was no answer.
        attempt: Its number, from 1.
    """

    record_id: int
    started_ms: int
    outcome: Outcome
    status: int
    attempt: int


@dataclass(frozen=True)
class WebhookTraffic:
    """The traffic of one webhook since a time.

    Attributes:
        webhook_id: The webhook.
        series: Its buckets, for a sparkline; the same buckets for all webhooks.
        last: Its newest record, however old; None: it has none.
    """

    webhook_id: int
    series: Series
    last: LastAttempt | None

    @cached_property
    def total(self) -> Sums:
        """The sums of all buckets."""
        return self.series.total


class Traffic:
    """The sums of the records.

    All methods may raise `StoreUnavailableError`: the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_webhooks(
        self,
        registry: str,
        *,
        since_ms: int,
        until_ms: int,
        webhook_ids: Collection[int] | None = None,
    ) -> Mapping[int, WebhookTraffic]:
        """The traffic of the webhooks of a registry, in two queries for all of them.

        Args:
            registry: The registry's key: its name in lower case.
            since_ms: The begin, milliseconds since the epoch. Spans of up to three hours have
                buckets
                of 5 minutes, longer ones of an hour.
            until_ms: The end; usually now.
            webhook_ids: Only these, for example those of one page; None: all webhooks.

        Returns:
            By webhook id; all webhooks are included, also those without traffic.
        """
        starts = _narrow_starts(since_ms, until_ms)
        found: dict[int, dict[int, Sums]] = {}
        with self._database.reading() as connection:
            newest = read_newest(connection, registry, webhook_ids)
            lasts = {row.webhook_id: _last(row) for row in newest}
            for webhook_id, start_s, *row in read_sums(
                connection, registry, list(lasts), starts.step, starts
            ):
                found.setdefault(webhook_id, {})[start_s] = _sums(row)
        return {
            webhook_id: WebhookTraffic(webhook_id, _series(found.get(webhook_id, {}), starts), last)
            for webhook_id, last in lasts.items()
        }

    def totals(self, registry: str, *, since_ms: int, until_ms: int) -> Mapping[int, Sums]:
        """The attempts at each webhook of a registry, successful and refused, in one query.

        Args:
            registry: The registry's key.
            since_ms: The begin, milliseconds since the epoch; buckets as for `of_webhooks`.
            until_ms: The end; usually now.

        Returns:
            By webhook id, without webhooks that had no traffic. Other sums are not read.
        """
        starts = _narrow_starts(since_ms, until_ms)
        with self._database.reading() as connection:
            rows = read_totals(connection, registry, starts.step, starts)
        # PostgreSQL adds integers up to a Decimal.
        return {
            webhook_id: Sums(attempts=int(made), succeeded=int(succeeded), refused=int(refused))
            for webhook_id, made, succeeded, refused in rows
        }

    def series(
        self,
        *,
        since_ms: int,
        until_ms: int,
        registry: str | None = None,
        webhook_id: int | None = None,
        step_s: int | None = None,
    ) -> Series:
        """The traffic over time.

        Args:
            since_ms: The begin, milliseconds since the epoch.
            until_ms: The end; usually now.
            registry: Only this one (its key); None: the whole installation.
            webhook_id: Only this webhook of the registry.
            step_s: The wanted bucket, seconds; None: one that gives 180 buckets at most. The next
                longer
                one of `store.traffic.buckets.SHOWN_S` is used that is kept for so long; webhooks
                have
                none under 5 minutes.
        """
        stored = WIDE if webhook_id is None else NARROW
        wanted_s = step_s or shown_bucket_s((until_ms - since_ms) // 1000)
        shown_s, source = source_of(wanted_s, _age_s(since_ms), stored, of_all=registry is None)
        starts = _starts(since_ms, until_ms, shown_s)
        found: dict[int, Sums] = {}
        with self._database.reading() as connection:
            for _, start_s, *row in read_sums(
                connection, registry or "", [webhook_id or 0], source.length_s, starts
            ):
                found.setdefault(start_s - start_s % shown_s, Sums()).merge(_sums(row))
        return _series(found, starts)

    def is_behind(self) -> bool:
        """Whether there are records that are not in the sums yet, as just after an upgrade."""
        with self._database.reading() as connection:
            return rollups.is_behind(connection)

    def advance(self, *, now_ms: int, window: int = rollups.WINDOW) -> int:
        """Sum up the next records; see `store.traffic.rollups.advance`."""
        return rollups.advance(self._database, now_ms=now_ms, window=window)

    def prune(self, *, now_ms: int, before_ms: int, limit: int) -> int:
        """Delete expired rows; see `store.traffic.rollups.prune`."""
        return rollups.prune(self._database, now_ms=now_ms, before_ms=before_ms, limit=limit)


def _age_s(since_ms: int) -> int:
    return (now_ms() - since_ms) // 1000


def _starts(since_ms: int, until_ms: int, step_s: int) -> range:
    """When each bucket begins, seconds; the first contains *since_ms*, the last *until_ms*."""
    first = since_ms // 1000 // step_s * step_s
    return range(first, max(until_ms // 1000, first) + 1, step_s)


def _narrow_starts(since_ms: int, until_ms: int) -> range:
    """The buckets of webhooks, from those that are kept for so long."""
    wanted = HOUR if until_ms - since_ms > FINE_MS else FIVE
    _, step = source_of(wanted.length_s, _age_s(since_ms), NARROW)
    return _starts(since_ms, until_ms, step.length_s)


def _last(row: Row[Any]) -> LastAttempt | None:
    if row.id is None:
        return None
    return LastAttempt(row.id, row.started_ms, Outcome(row.outcome), row.status, row.attempt)


def _sums(row: Sequence[Any]) -> Sums:
    attempts, succeeded, given_up, cancelled, refused, events, latency = row
    histogram = Latency([latency] if latency else ())
    return Sums(attempts, succeeded, given_up, cancelled, refused, events, histogram)


def _series(found: Mapping[int, Sums], starts: range) -> Series:
    buckets = [Bucket(start * 1000, found.get(start) or Sums()) for start in starts]
    return Series(starts.step, buckets)
