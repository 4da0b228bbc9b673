"""Known senders: their timeouts, what they count as success, and when they retry.

From a run's response times, the report computes what each of them would have done.
"""

from collections.abc import Mapping

from msgspec import Struct

from portcall.loadtest.measure.cells import UNWRITTEN
from portcall.loadtest.measure.sections import Finding, Section
from portcall.loadtest.plan import NotSent, Outcome, Planned, Wants
from portcall.schemas.durations import format_duration
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.records import Failure

MINUTE, HOUR = 60_000, 3_600_000
NEVER = "never"


class LoadSender(Struct, frozen=True):
    """One sender.

    Attributes:
        name: Its name in options.
        title: Its full name.
        timeout_ms: How long it waits for a response; 0: unknown.
        schedule_ms: The delay before each attempt after the first; empty: it tries once.
        source: The source of these values.
        retries: In words, if the schedule says less.
    """

    name: str
    title: str
    timeout_ms: int
    schedule_ms: tuple[int, ...]
    source: str
    retries: str = ""

    @property
    def again(self) -> str:
        """Return what it does after a response that is too late."""
        return "retried" if self.schedule_ms else "given up"


def _standard(*seconds: int) -> tuple[int, ...]:
    return tuple(1000 * each for each in seconds)


SENDERS = (
    LoadSender(
        "distribution", "docker distribution", 1_000, (1_000,) * 50,
        "distribution notifications/endpoint.go: default timeout 1 s, threshold 10, backoff 1 s",
        "forever",
    ),
    LoadSender(
        "harbor", "Harbor", 3_000, (16_000, 31_000, 96_000),
        "goharbor/harbor: webhook job, 3 s; JOBSERVICE_WEBHOOK_JOB_MAX_RETRY 3",
        "3 times",
    ),
    LoadSender(
        "acr", "Azure Container Registry", 5_000, (),
        "MicrosoftDocs/azure-docs#54638 (5 s, shown as 504); Azure/acr#681 (one attempt)", NEVER,
    ),
    LoadSender(
        "outpost", "Hookdeck Outpost", 5_000,
        tuple(30_000 * 2**n for n in range(10)),
        "hookdeck/outpost: DELIVERY_TIMEOUT_SECONDS 5, retries of 30 s doubled, 10",
    ),
    LoadSender(
        "convoy", "Convoy", 10_000, (100_000,) * 10,
        "frain-dev/convoy: 10 s for the whole request; linear, 10 times 100 s",
    ),
    LoadSender(
        "github", "GitHub", 10_000, (),
        "GitHub docs, Handling failed webhook deliveries: 10 s, no automatic redelivery", NEVER,
    ),
    LoadSender(
        "quay", "Quay", 10_000, (30_000,) * 5,
        "quay/quay: notification worker, 10 s, 5 retries after 30 s",
    ),
    LoadSender(
        "portcall", "Portcall", 15_000,
        (10_000, MINUTE, 5 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 12 * HOUR,
         24 * HOUR),
        "PORTCALL_ATTEMPT_TIMEOUT and PORTCALL_RETRY_SCHEDULE, the defaults",
    ),
    LoadSender(
        "svix-cloud", "Svix (hosted)", 15_000,
        _standard(5, 300, 1_800, 7_200, 18_000, 36_000, 36_000),
        "Svix docs, Retry Schedule: 15 s, 8 attempts",
    ),
    LoadSender(
        "svix", "Svix (open source)", 30_000,
        _standard(5, 300, 1_800, 7_200, 18_000, 36_000, 36_000),
        "svix/svix-webhooks: config.default.toml, 30 s until the headers",
    ),
    LoadSender(
        "zot", "zot", 30_000, (), "project-zot/zot: HTTP sink, 30 s, one attempt", NEVER,
    ),
    LoadSender(
        "docker-hub", "Docker Hub", 0, (), "Docker docs, Webhooks: not documented", "not said",
    ),
    LoadSender(
        "stripe", "Stripe", 0, (), "Stripe docs, Webhooks: up to 3 days, no timeout is published",
        "up to 3 days",
    ),
)  # fmt: skip
TIMEOUTS_S = tuple(sorted({each.timeout_ms / 1000 for each in SENDERS if each.timeout_ms}))


class Patience:
    """Counts for each sender the responses that would have been too late; an `Observer`.

    Only correct POSTs that were sent at once count; the load test itself delays the others.

    Attributes:
        posts: How many there were.
        answers: Of these, how many were written, so that a response was possible.
        failed: Of these, how many failed for every sender.
    """

    def __init__(self) -> None:
        self.posts = 0
        self.answers = 0
        self.failed = 0
        self._late = dict.fromkeys(TIMEOUTS_S, 0)

    def sent(self, planned: Planned) -> None:
        """Nothing yet."""

    def done(self, outcome: Outcome) -> None:
        """Count a response, or a missing one."""
        planned = outcome.planned
        if planned.wants is not Wants.TAKEN or planned.transport.slowed:
            return
        self.posts += 1
        self.failed += not outcome.refused and outcome.failure not in {
            Failure.NONE,
            Failure.TIMEOUT,
        }
        if outcome.failure in UNWRITTEN:
            return  # no sender could have waited for anything
        self.answers += 1
        # Without the time before: waiting for a connection, or in the pipeline.
        took_s = outcome.done_s - outcome.sent_s - outcome.timings.blocked_s
        for timeout_s in TIMEOUTS_S:
            # A response that we did not await is late for all: its time is unknown.
            self._late[timeout_s] += outcome.failure is Failure.TIMEOUT or took_s > timeout_s

    def left_out(self, not_sent: NotSent) -> None:
        """Do nothing: it had no response."""

    def late_for(self, sender: LoadSender) -> int:
        """Return how many responses were too late for a sender with a known timeout."""
        return self._late[sender.timeout_ms / 1000]


def find_sender(name: str, field: str = "--sender") -> LoadSender:
    """Return a sender by its name.

    Raises:
        InvalidValueError: There is none of that name.
    """
    for each in SENDERS:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in SENDERS)
    raise InvalidValueError(field, f"{name[:32]!r} is not a known sender; there are {names}")


def senders_section(patience: Patience) -> Section:
    """Return what the known senders would have done with the responses of a run."""
    answers = patience.answers
    timed = [each for each in SENDERS if each.timeout_ms]
    late = {each.name: patience.late_for(each) for each in timed}
    words = [_sentence(each, late[each.name], answers) for each in timed if late[each.name]]
    if not patience.posts:
        words = ["No requests were sent that a real sender would send."]
    elif patience.failed == patience.posts:
        words = ["No POST got a 2xx response: a failure for every sender."]
    elif not words:
        words = ["Every response was in time for every sender with a known timeout."]
    if 0 < patience.failed < patience.posts:
        told = _share(patience.failed, patience.posts)
        words.append(f"Also, {told} of the POSTs had no 2xx response: a failure for every sender.")
    return Section(
        "What senders would do",
        words=tuple(words),
        columns=("sender", "waits", "tries again", "too late", "share"),
        rows=tuple(
            _row(each, late.get(each.name) if answers else None, answers) for each in SENDERS
        ),
        findings=_findings(late, answers, judged=patience.posts > patience.failed),
    )


def _findings(late: Mapping[str, int], answers: int, *, judged: bool) -> tuple[Finding, ...]:
    """Return a finding for each sender that would not have waited; without any, one for all."""
    found = tuple(
        Finding(
            f"in time for {each.title}",
            ok=False,
            detail=f"{_share(late[each.name], answers)} too late ({each.source})",
        )
        for each in SENDERS
        if late.get(each.name)
    )
    return found or (Finding("in time for every known sender", ok=judged or None),)


def _sentence(sender: LoadSender, late: int, answers: int) -> str:
    waits = format_duration(sender.timeout_ms)
    return (
        f"{_share(late, answers)} of your responses would be {sender.again} by {sender.title},"
        f" which waits {waits}."
    )


def _row(sender: LoadSender, late: int | None, answers: int) -> tuple[str, ...]:
    waits = format_duration(sender.timeout_ms) if sender.timeout_ms else "not published"
    again = sender.retries or f"{len(sender.schedule_ms)} times"
    told = ("-", "-") if late is None else (str(late), _share(late, answers))
    return (sender.title, waits, again, *told)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
