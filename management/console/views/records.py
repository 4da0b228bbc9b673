"""One record as it is shown when it is opened: request and response, ready to be read."""

from collections.abc import Mapping
from dataclasses import dataclass

from portcall.management.console import words
from portcall.schemas.records import Outcome
from portcall.store.records.event_log import StoredRecord

CANCELLED = "No request was made."


@dataclass(frozen=True, slots=True)
class Shown:
    """A record, laid out.

    Attributes:
        record: The record itself.
        body: What was POSTed, laid out.
        headers: Of the request; secrets are masked.
        curl: A command that sends it again; empty: there was no request.
        answer: The answer's body, laid out; None: there was no answer.
        why: Why there is no answer, or what followed, in words.
    """

    record: StoredRecord
    body: str
    headers: Mapping[str, str]
    curl: str
    answer: str | None
    why: str

    @property
    def tone(self) -> str:
        """How the outcome looks."""
        return words.OUTCOMES[self.record.outcome][0]

    @property
    def word(self) -> str:
        """The outcome in words."""
        return words.OUTCOMES[self.record.outcome][1]


def entry_of(record: StoredRecord) -> Shown:
    """Lay out a record."""
    detail = record.detail
    body = record.body.decode("utf-8", "replace")
    sent = detail.sent
    return Shown(
        record=record,
        body=words.pretty(body),
        headers=sent.headers if sent else {},
        curl=words.curl(sent.method, sent.uri, sent.headers, body) if sent else "",
        answer=words.pretty(detail.answer.content) if detail.answer else None,
        why=_why(record),
    )


def _why(record: StoredRecord) -> str:
    detail = record.detail
    told = detail.message or detail.failure.value.replace("_", " ")
    if not told and detail.sent is None and record.outcome is Outcome.CANCELLED:
        return CANCELLED
    return told
