"""What a load test plans, and its results: the types that the whole package shares.

The model is open: a request has its time before anything is sent, and no response changes it. All
times are seconds since the start of the run, unless a name says otherwise.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from portcall.schemas.records import Failure

Headers = Sequence[tuple[str, str]]
Sign = Callable[[float], Headers]
"""Returns headers for a request that is sent at that time (seconds since the epoch), in their
order."""


class Wants(StrEnum):
    """How a correct consumer responds; any other response is a failed request."""

    TAKEN = "2xx"
    REFUSED = "4xx"
    EITHER = "2xx or 4xx"
    ANY = "any"

    def met_by(self, status: int) -> bool:
        """Whether a response of *status* is as wanted; 0, no response, only for ANY."""
        match self:
            case Wants.TAKEN:
                return 200 <= status < 300
            case Wants.REFUSED:
                return 400 <= status < 500
            case Wants.EITHER:
                return 200 <= status < 300 or 400 <= status < 500
            case Wants.ANY:
                return True


class TransportOptions(Struct, frozen=True):
    """How a request is sent, if not in the usual way.

    Attributes:
        fresh: On a new connection, which is closed after it.
        cut_at: Of the content, only so many bytes are sent, and then the connection is half
            closed; None: all of it.
        half_closed: After all of it the connection is half closed, and the response awaited.
        upload_s: The content is sent slowly, over this time; 0: at once.
        expect: The content waits for ``100 Continue``, a second at most; sign() adds the header.
    """

    fresh: bool = False
    cut_at: int | None = None
    half_closed: bool = False
    upload_s: float = 0.0
    expect: bool = False

    @property
    def slowed(self) -> bool:
        """Whether the load test itself makes it slow, so that its time says nothing.

        It sends the content slowly, waits for ``100 Continue``, or leaves the consumer waiting for
        content that never comes.
        """
        return self.upload_s > 0 or self.expect or self.cut_at is not None


USUAL = TransportOptions()


class Planned(Struct, frozen=True, gc=False):
    """One request and its time.

    Attributes:
        at_s: When it is to be sent.
        delivery_id: Its ``webhook-id``, whatever header the style sends it in; duplicates share it.
        action: The event's action, e.g. ``push``; a label in reports.
        body: The exact content.
        sign: Makes the headers beyond the target's own at the moment of sending: Content-Type, the
            id, the time, the signature. ``Host`` and ``Content-Length`` are the engine's.
        attempt: Numbered from 1.
        fault: The injected fault; empty: none.
        key: Its subject; requests with the same key have an order. Empty: none.
        wants: The response of a correct consumer.
        transport: How it is sent.
        final: The statuses by which a consumer refuses it for good; the sender does not try again.
    """

    at_s: float
    delivery_id: str
    action: str
    body: bytes
    sign: Sign
    attempt: int = 1
    fault: str = ""
    key: str = ""
    wants: Wants = Wants.TAKEN
    transport: TransportOptions = USUAL
    final: frozenset[int] = frozenset()


class Timings(Struct, frozen=True, gc=False):
    """The phases of a request, in seconds. Their sum is from `Outcome.sent_s` to `Outcome.done_s`.

    Attributes:
        blocked_s: Until a connection was there or began to be made: a name's look-up, and waiting.
        connecting_s: TCP; 0 on a connection that had served before.
        tls_s: The TLS handshake; 0 as well.
        sending_s: Writing the request.
        waiting_s: Until the first byte of the answer.
        receiving_s: Until its last byte.
    """

    blocked_s: float = 0.0
    connecting_s: float = 0.0
    tls_s: float = 0.0
    sending_s: float = 0.0
    waiting_s: float = 0.0
    receiving_s: float = 0.0

    @property
    def service_s(self) -> float:
        """Return what k6 calls the duration: sending, waiting and receiving."""
        return self.sending_s + self.waiting_s + self.receiving_s


class Outcome(Struct, frozen=True, gc=False):
    """The result of a request that was sent.

    Attributes:
        planned: The request.
        sent_s: When the engine started it.
        done_s: When the response was complete, or had clearly failed.
        timings: The phases of that time.
        status: The HTTP status; 0: no answer.
        failure: Why there is none, or STATUS if the response is not 2xx.
        message: The failure in words.
        reused: Whether the connection had served before.
        resent: Whether it was sent again on a new connection, as an idle one ended under it.
        sent_bytes: Of the request, head and content.
        received_bytes: Of the answer, head and content.
        content: The response's content, as far as it was read.
        retry_after_ms: The wait that the response asks for, milliseconds; 0: none.
    """

    planned: Planned
    sent_s: float
    done_s: float
    timings: Timings
    status: int
    failure: Failure
    message: str = ""
    reused: bool = False
    sent_bytes: int = 0
    received_bytes: int = 0
    content: bytes = b""
    retry_after_ms: int = 0
    resent: bool = False

    @property
    def scheduled_s(self) -> float:
        """Return the time from the plan to the end: what a sender that keeps its schedule sees."""
        return self.done_s - self.planned.at_s

    @property
    def lag_s(self) -> float:
        """Return how late the engine itself was."""
        return self.sent_s - self.planned.at_s

    @property
    def as_wanted(self) -> bool:
        """Whether the consumer responded as a correct one does."""
        return self.planned.wants.met_by(self.status)

    @property
    def refused(self) -> bool:
        """Whether the consumer refused a correct request for good, which is no failure."""
        return self.status in self.planned.final and self.planned.wants is Wants.TAKEN


class NotSent(Struct, frozen=True):
    """A request that was due and not sent.

    Attributes:
        planned: The request.
        reason: The reason, in words: one for each kind of limit.
    """

    planned: Planned
    reason: str


class RequestSource(Protocol):
    """The source of the requests."""

    def __iter__(self) -> Iterator[Planned]:
        """Yield the requests in the order of their times; called shortly before each is due."""

    def after(self, outcome: Outcome) -> Iterable[Planned]:
        """Return the requests that follow from an outcome, e.g. a retry, at any future time."""


class Observer(Protocol):
    """Gets the result of each request at once; must be fast."""

    def sent(self, planned: Planned) -> None:
        """*planned* is being sent."""

    def done(self, outcome: Outcome) -> None:
        """It ended."""

    def left_out(self, not_sent: NotSent) -> None:
        """It was not sent."""
