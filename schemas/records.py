"""Records: the result of one attempt, as written to the results stream.

list-events shows records. A record carries no event body: the frame has it once. Values that look
like secrets are masked before a record is made, so nothing after this point sees them.
"""

from enum import StrEnum
from typing import Generic, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from portcall.schemas.webhooks import looks_secret

MAX_RESPONSE_CHARACTERS = 4096
"""How much of a response's content is kept. Source: ACR cut 196,063 bytes to about as many."""
RECORD_PACE_S = 0.5
"""How often the recorder stores records: a transaction costs about 3 ms of CPU, with one record or
with a hundred. Those that fill one, and those that a person waits for, are stored at once."""


class Masking(StrEnum):
    """Which custom headers of a webhook records do not show: those that look secret, or all."""

    SECRETS = "secrets"
    ALL = "all"

    def covers(self, name: str) -> bool:
        """Whether the value of the custom header *name* is masked."""
        return self is Masking.ALL or looks_secret(name)


class Outcome(StrEnum):
    """How an attempt ended, or how a delivery ended without one."""

    DELIVERED = "delivered"
    RETRIED = "retried"
    GIVEN_UP = "given_up"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    """Refused by the receiver: its answer is final for this webhook. It is no failure."""


class Failure(StrEnum):
    """Why an attempt got no answer that counts as success."""

    NONE = ""
    STATUS = "status"
    TIMEOUT = "timeout"
    REFUSED = "connection_refused"
    RESET = "connection_reset"
    DNS = "dns"
    TLS = "tls"
    UNREACHABLE = "unreachable"
    PROTOCOL = "protocol_error"
    BLOCKED = "blocked_address"
    INVALID = "invalid_request"


class Sent(Struct, frozen=True, omit_defaults=True):
    """The request of an attempt, as it went out, with secrets masked.

    Attributes:
        content: The body as text, where it is neither the event's own nor JSON.
        json: The body itself, where it is JSON and not the event's own. Earlier versions wrote it
            as ``content``.
    """

    uri: str
    headers: dict[str, str]
    method: str = "POST"
    version: str = "1.1"
    content: str = ""
    json: msgspec.Raw | UnsetType = UNSET

    @property
    def other(self) -> str | None:
        """The body, where it was not the event's own; None: it was."""
        if self.json:
            return bytes(self.json).decode("utf-8", "replace")  # an event may have been garbled
        return self.content if self.content or self.method != "POST" else None


class Answer(Struct, frozen=True, omit_defaults=True):
    """The response to an attempt; ``content`` is cut to 4,096 characters."""

    status: int
    reason: str
    headers: dict[str, str]
    content: str = ""
    version: str = "1.1"


class Detail(Struct, frozen=True, omit_defaults=True):
    """The details of a record: the request, the response, and the reason.

    Attributes:
        sent: The request; None where none was made (a cancelled delivery).
        answer: The response; None where there was none.
        failure: The class of the failure.
        message: The failure in words, or why the delivery ended; empty on success.
        next_attempt_ms: When the next attempt is due, milliseconds since the epoch; 0: never.
        connect_us: The part of the attempt until a new connection was open (DNS, TCP, TLS),
            microseconds; 0: an existing connection was used, or there was no answer.
        first: Of the delivery that waits for its next attempt: at which attempt its schedule
            begins.
        began_ms: Of the same: start of its age, milliseconds since the epoch; 0: when its event was
            accepted.
    """

    sent: Sent | None = None
    answer: Answer | None = None
    failure: Failure = Failure.NONE
    message: str = ""
    next_attempt_ms: int = 0
    connect_us: int = 0
    first: int = 1
    began_ms: int = 0


DetailT = TypeVar("DetailT")


class RecordOf(Struct, Generic[DetailT], frozen=True, array_like=True):
    """One record in a frame; a JSON array, because a frame has many of them.

    Attributes:
        event: The position of its event in the frame.
        webhook_id: Whose delivery it was.
        attempt: The number of the attempt, from 1; of a cancelled delivery, the one not made.
        outcome: How it ended.
        status: The HTTP status; 0 where there was no answer.
        started_ms: When the attempt began, milliseconds since the epoch.
        duration_us: How long it took, microseconds.
        detail: The `Detail`; readers that only store it keep the raw JSON.
    """

    event: int
    webhook_id: int
    attempt: int
    outcome: Outcome
    status: int
    started_ms: int
    duration_us: int
    detail: DetailT


Record = RecordOf[Detail]
RawRecord = RecordOf[msgspec.Raw]
