"""The filters of a list of records: read from the query, and written into links."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from portcall.management.http.calls import Call
from portcall.management.http.errors import invalid_parameter
from portcall.runtime.clock import now_ms
from portcall.schemas.events import PING, Action
from portcall.schemas.records import Outcome
from portcall.schemas.scopes import MAX_REPOSITORY_LENGTH
from portcall.store.records.filters import Filter

STATUSES = {
    "": "Any status",
    "2": "2xx success",
    "3": "3xx redirect",
    "4": "4xx client error",
    "5": "5xx error",
    "0": "No answer",
}
OUTCOMES = {
    "": "Any outcome",
    Outcome.DELIVERED.value: "Delivered",
    Outcome.RETRIED.value: "Will retry",
    Outcome.GIVEN_UP.value: "Given up",
    Outcome.CANCELLED.value: "Cancelled",
    Outcome.REFUSED.value: "Refused",
}
ACTIONS = {"": "Any action"} | {each.value: each.value for each in Action} | {PING: PING}
ATTEMPTS = {"": "Any attempt", "first": "First attempts", "later": "Retries"}
TIMES = {"": "Any time", "15m": "15 minutes", "1h": "1 hour", "24h": "24 hours", "7d": "7 days"}
_MS = {"15m": 900_000, "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000}
_CHOICES = {
    "status": STATUSES, "outcome": OUTCOMES, "action": ACTIONS, "attempt": ATTEMPTS, "time": TIMES,
}  # fmt: skip
MAX_BEFORE = 19


@dataclass(frozen=True, slots=True)
class RecordChoice:
    """The chosen filters.

    Attributes:
        values: By the name of the filter; empty: any.
        repository: The repository contains this, or, with a colon, has this name and that tag.
        before: Only records with a smaller id; None: from the newest.
    """

    values: dict[str, str] = field(default_factory=dict)
    repository: str = ""
    before: int | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether any filter was chosen."""
        return bool(self.repository or any(self.values.values()))

    @property
    def options(self) -> dict[str, dict[str, str]]:
        """The options of each filter: texts by value, by the name of the filter."""
        return _CHOICES

    def query(self, before: int | None = None) -> str:
        """The same filters as a query, for the records after *before*."""
        chosen = {name: value for name, value in self.values.items() if value}
        if self.repository:
            chosen["repository"] = self.repository
        if before is not None:
            chosen["before"] = str(before)
        return urlencode(chosen)

    def filter_of(self, registry: str, webhook_id: int | None) -> Filter:
        """The filter for the store."""
        value = self.values.get
        repository, colon, tag = self.repository.partition(":")
        time = value("time", "")
        return Filter(
            registry=registry,
            webhook_id=webhook_id,
            status_classes=frozenset({int(value("status", ""))} if value("status") else ()),
            outcomes=frozenset({Outcome(value("outcome", ""))} if value("outcome") else ()),
            actions=frozenset({value("action", "")} if value("action") else ()),
            repository=repository,
            repository_is_exact=bool(colon),
            tag=tag,
            first_attempts={"first": True, "later": False}.get(value("attempt", "")),
            since_ms=now_ms() - _MS[time] if time else None,
        )


def read_choice(call: Call) -> RecordChoice:
    """Read the filters of a query.

    Raises:
        ArmError: 400: A value is not one of the options.
    """
    values = {}
    for name, options in _CHOICES.items():
        value = call.parameter(name) or ""
        if value not in options:
            raise invalid_parameter(name, f"must be one of {', '.join(filter(None, options))}")
        values[name] = value
    repository = (call.parameter("repository") or "").strip()
    if len(repository) > MAX_REPOSITORY_LENGTH + 130:
        raise invalid_parameter("repository", "is longer than any repository's name")
    before = call.parameter("before") or ""
    if before and not (before.isascii() and before.isdecimal() and len(before) < MAX_BEFORE):
        raise invalid_parameter("before", "is not the number of a record")
    return RecordChoice(values, repository, int(before) if before else None)
