"""What a load test plans and what becomes of it: the types that everything here shares.

The model is open: a request has its time before anything is sent, and no answer moves it. All
times are seconds since the start of the run, but where a name says otherwise.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from portcall.schemas.records import Failure

Headers = Sequence[tuple[str, str]]
Sign = Callable[[float], Headers]
"""Headers for a request that is sent at that time (seconds since the epoch), in their order."""


class Wants(StrEnum):
    """What a correct consumer answers; anything else is a failed request."""

    TAKEN = "2xx"
    REFUSED = "4xx"
    EITHER = "2xx or 4xx"
    ANY = "any"

    def met_by(self, status: int) -> bool:
        """Whether an answer of *status* is as wanted; 0, no answer, never is but for ANY."""
        match self:
            case Wants.TAKEN:
                return 200 <= status < 300
            case Wants.REFUSED:
                return 400 <= status < 500
            case Wants.EITHER:
                return 200 <= status < 300 or 400 <= status < 500
            case Wants.ANY:
                return True


class Transport(Struct, frozen=True):
    """How a request is brought to the consumer, where that is not the usual way.

    Attributes:
        fresh: On a connection of its own, which is closed after it.
        cut_at: Of the content, only so many bytes are sent, and then the connection is half
            closed; None: all of it.
        half_closed: After all of it the connection is half closed, and the answer awaited.
        upload_s: The content is spread over so long; 0: at once.
        expect: The content waits for ``100 Continue``, a second at most; sign() adds the header.
    """

    fresh: bool = False
    cut_at: int | None = None
    half_closed: bool = False
    upload_s: float = 0.0
    expect: bool = False


USUAL = Transport()


class Planned(Struct, frozen=True, gc=False):
    """One request and its time.

    Attributes:
        at_s: When it is to be sent.
        delivery_id: Its ``webhook-id``, whatever header the style sends it in; duplicates share it.
        action: Of the event, e.g. ``push``; a label in reports.
        body: The exact content.
        sign: Makes the headers beyond the target's own at the moment of sending: Content-Type, the
            id, the time, the signature. ``Host`` and ``Content-Length`` are the engine's.
        attempt: Numbered from 1.
        fault: What is wrong with it, on purpose; empty: nothing.
        key: What it is about; requests with one key have an order. Empty: none.
        wants: What a correct consumer answers.
        transport: How it is brought there.
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
    transport: Transport = USUAL


class Timings(Struct, frozen=True, gc=False):
    """The parts of a request, in seconds. Their sum is from `Outcome.sent_s` to `Outcome.done_s`.

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
        """What k6 calls the duration: sending, waiting and receiving."""
        return self.sending_s + self.waiting_s + self.receiving_s


class Outcome(Struct, frozen=True, gc=False):
    """What became of a request that was sent.

    Attributes:
        planned: The request.
        sent_s: When the engine began with it.
        done_s: When the answer was complete, or it was clear that there is none.
        timings: The parts of that.
        status: The HTTP status; 0: no answer.
        failure: Why there is none, or STATUS where the answer is no 2xx.
        message: The failure in words.
        reused: Whether the connection had served before.
        resent: Whether it was sent again on a new connection, as an idle one ended under it.
        sent_bytes: Of the request, head and content.
        received_bytes: Of the answer, head and content.
        content: The answer's content as far as it was read.
        retry_after_ms: How long the answer asks to wait, milliseconds; 0: it does not.
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
        """From the planned time to the end: what a sender that keeps its times would see."""
        return self.done_s - self.planned.at_s

    @property
    def lag_s(self) -> float:
        """How late the engine itself was."""
        return self.sent_s - self.planned.at_s

    @property
    def as_wanted(self) -> bool:
        """Whether the consumer answered as a correct one does."""
        return self.planned.wants.met_by(self.status)


class NotSent(Struct, frozen=True):
    """A request whose time came and that was not sent.

    Attributes:
        planned: The request.
        reason: Why, in words: there is one for each kind of limit.
    """

    planned: Planned
    reason: str


class Source(Protocol):
    """Where the requests come from."""

    def __iter__(self) -> Iterator[Planned]:
        """The requests in the order of their times; asked for shortly before each is due."""

    def after(self, outcome: Outcome) -> Iterable[Planned]:
        """What follows from an outcome, e.g. a retry; its times may be any that are to come."""


class Observer(Protocol):
    """Whoever is told what becomes of each request, at once; it must be quick."""

    def sent(self, planned: Planned) -> None:
        """*planned* is being sent."""

    def done(self, outcome: Outcome) -> None:
        """It ended."""

    def left_out(self, not_sent: NotSent) -> None:
        """It was not sent."""
