"""Traffic: what the records add up to, for pages that show millions of them at a glance.

Nothing here reads records one by one but the walk of the recorder (`store.rollups`): a page with
500 webhooks and 1,000,000 records costs as much as one with few of either.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.records import Outcome
from store.database import Database
from store.latency import Latency

HOUR_S = 3600


@dataclass(slots=True)
class Sums:
    """What happened in some time.

    Attributes:
        attempts: POSTs that were made, or refused because of their address.
        succeeded: Those of them that were answered 2xx.
        given_up: Those of them that were the last: the delivery was given up.
        cancelled: Deliveries that ended without an attempt; not among the attempts.
        events: Events that were accepted; of an installation or a registry, never of a webhook.
        latency: Of the attempts that were answered, whatever the status.
    """

    attempts: int = 0
    succeeded: int = 0
    given_up: int = 0
    cancelled: int = 0
    events: int = 0
    latency: Latency = field(default_factory=Latency)

    @property
    def failed(self) -> int:
        """Attempts that were not answered 2xx."""
        return self.attempts - self.succeeded

    @property
    def success_rate(self) -> float | None:
        """From 0 to 1; None: there was no attempt."""
        return self.succeeded / self.attempts if self.attempts else None


@dataclass(frozen=True, slots=True)
class Bucket:
    """What happened in one step of time.

    Attributes:
        start_ms: When it began, milliseconds since the epoch.
        sums: What happened.
    """

    start_ms: int
    sums: Sums


@dataclass(frozen=True, slots=True)
class Series:
    """What happened, step by step; steps in which nothing happened are there, too.

    Attributes:
        step_s: How long a step is, seconds.
        buckets: Oldest first, without gaps. The first may have begun before the time asked for;
            the last may still be growing.
    """

    step_s: int
    buckets: Sequence[Bucket]

    @property
    def total(self) -> Sums:
        """All of it added up."""
        return Sums()


@dataclass(frozen=True, slots=True)
class LastAttempt:
    """The newest record of a webhook.

    Attributes:
        record_id: Its id.
        started_ms: When the attempt began, milliseconds since the epoch.
        outcome: What followed.
        status: The HTTP status; 0 where there was no answer.
        attempt: Its number, from 1.
    """

    record_id: int
    started_ms: int
    outcome: Outcome
    status: int
    attempt: int


@dataclass(frozen=True, slots=True)
class WebhookTraffic:
    """What happened at one webhook since a time.

    Attributes:
        webhook_id: Which.
        series: Step by step, for a sparkline; the same steps for all webhooks.
        total: All of it added up.
        last: Its newest record, however old; None: it has none.
    """

    webhook_id: int
    series: Series
    total: Sums
    last: LastAttempt | None


class Traffic:
    """What the records add up to.

    All of it may raise `StoreUnavailableError`: the database does not answer.
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
        """What happened at the webhooks of a registry: one query for all of them.

        Args:
            registry: The registry's key: its name in lower case.
            since_ms: Since when, milliseconds since the epoch. Up to three hours come in steps of
                5 minutes, more in steps of an hour.
            until_ms: Until when; mostly now.
            webhook_ids: Only of these, as those of one page; None: of all that there are.

        Returns:
            By webhook id; every webhook is there, also one that nothing happened at.
        """
        return {}

    def series(
        self,
        *,
        since_ms: int,
        until_ms: int,
        registry: str | None = None,
        webhook_id: int | None = None,
        step_s: int | None = None,
    ) -> Series:
        """What happened over time.

        Args:
            since_ms: Since when, milliseconds since the epoch.
            until_ms: Until when; mostly now.
            registry: Only of this one (its key); None: of the whole installation.
            webhook_id: Only of this webhook of the registry.
            step_s: The step wanted; the next longer one that is kept is taken. 10 s (kept two
                hours; not of a webhook), 60 s (not of a webhook), 300 s (of a webhook, kept
                25 hours), 3600 s. None: one that makes 60 to 180 steps, where there is such a one.
        """
        return Series(step_s or HOUR_S, ())
