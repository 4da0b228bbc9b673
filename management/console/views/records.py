"""One opened record: its request and response, formatted for reading."""

from collections.abc import Mapping
from dataclasses import dataclass

from portcall.management.console import words
from portcall.schemas.records import MAX_RESPONSE_CHARACTERS, Outcome
from portcall.store.records.event_log import StoredRecord

CANCELLED = "No request was made."


@dataclass(frozen=True, slots=True)
class Shown:
    """A formatted record.

    Attributes:
        record: The record itself.
        body: The body of the POST.
        headers: Of the request; secrets are masked.
        curl: A command that sends it again; empty: there was no request.
        answer: The answer's body; None: there was no answer.
        why: Why there is no answer, or what happened next, as text.
        kept: How many characters of an answer's body are kept.
    """

    record: StoredRecord
    body: str
    headers: Mapping[str, str]
    curl: str
    answer: str | None
    why: str

    kept: int = MAX_RESPONSE_CHARACTERS

    @property
    def is_cut(self) -> bool:
        """Whether the answer's body may be longer than what is kept of it."""
        answer = self.record.detail.answer
        return answer is not None and len(answer.content) >= self.kept

    @property
    def tone(self) -> str:
        """The tone of the outcome."""
        return words.OUTCOMES[self.record.outcome][0]

    @property
    def word(self) -> str:
        """The outcome as text."""
        return words.OUTCOMES[self.record.outcome][1]


def entry_of(record: StoredRecord) -> Shown:
    """Format a record."""
    detail = record.detail
    sent = detail.sent
    body = record.body.decode("utf-8", "replace")
    if sent and (other := sent.other) is not None:
        body = other
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
