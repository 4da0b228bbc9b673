"""The ledger: what was sent of each delivery and its responses, for the oracle."""

from dataclasses import dataclass, field

from portcall.loadtest.faults.kinds import FaultKind, Times
from portcall.loadtest.plan import NotSent, Outcome, Planned


@dataclass(slots=True)
class LedgerEntry:
    """One delivery.

    Attributes:
        delivery_id: Its id.
        action: Of its event.
        keys: Its subjects.
        rank: The time of its event in its body: of two with a common key, the one with
            the higher rank wins; with equal ranks the order is unknown.
        kind: Its fault; None: none.
        held: Whether an outage held it back.
        owed: Whether a consumer has to process it: of an action that was asked for, and no ping.
            A fault may send a delete to a consumer of pushes, which rightly ignores it.
        reason: Why its last POST without a response had none.
        sent_at: The planned times of its POSTs that were started.
        answers: The responses in order: time and status; 0: none.
        not_sent: Why some of its POSTs were not sent.
    """

    delivery_id: str
    action: str
    keys: tuple[str, ...] = ()
    rank: int = 0
    kind: FaultKind | None = None
    held: bool = False
    owed: bool = True
    reason: str = ""
    sent_at: list[float] = field(default_factory=list)
    answers: list[tuple[float, int]] = field(default_factory=list)
    not_sent: list[str] = field(default_factory=list)

    @property
    def sent(self) -> int:
        """Return how many POSTs were started."""
        return len(self.sent_at)

    @property
    def fault(self) -> str:
        """Return the fault's name; empty: none."""
        return self.kind.name if self.kind else ""

    @property
    def expected(self) -> Times:
        """Return how often a correct consumer processes it."""
        times = self.kind.processed if self.kind else Times.ONCE
        return Times.AT_MOST_ONCE if times is Times.ONCE and not self.owed else times

    @property
    def answered(self) -> bool:
        """Whether any of its POSTs was answered, with any status."""
        return any(status for _, status in self.answers)

    @property
    def taken(self) -> bool:
        """Whether any of its POSTs was answered 2xx."""
        return any(200 <= status < 300 for _, status in self.answers)

    @property
    def taken_at_s(self) -> float:
        """Return when it was first answered 2xx; only valid if it was."""
        return next(at for at, status in self.answers if 200 <= status < 300)


class Ledger:
    """Every delivery of a run; an `Observer`."""

    def __init__(self) -> None:
        self.entries: dict[str, LedgerEntry] = {}
        self.outcomes = 0

    def open(self, entry: LedgerEntry) -> None:
        """Add a delivery that will be sent."""
        self.entries[entry.delivery_id] = entry

    def sent(self, planned: Planned) -> None:
        """*planned* is being sent."""
        self._entry(planned).sent_at.append(planned.at_s)

    def done(self, outcome: Outcome) -> None:
        """It ended."""
        entry = self._entry(outcome.planned)
        entry.answers.append((outcome.done_s, outcome.status))
        if not outcome.status:
            entry.reason = outcome.message
        self.outcomes += 1

    def left_out(self, not_sent: NotSent) -> None:
        """It was not sent."""
        self._entry(not_sent.planned).not_sent.append(not_sent.reason)

    @property
    def sent_entries(self) -> list[LedgerEntry]:
        """Return the deliveries that were sent at least once."""
        return [entry for entry in self.entries.values() if entry.sent]

    @property
    def amplification(self) -> float:
        """Return POSTs per delivery; 1 without any."""
        entries = self.sent_entries
        return sum(entry.sent for entry in entries) / len(entries) if entries else 1.0

    def _entry(self, planned: Planned) -> LedgerEntry:
        found = self.entries.get(planned.delivery_id)
        if found is None:  # a source that opens none, such as a recorded trace
            found = LedgerEntry(planned.delivery_id, planned.action)
            self.entries[planned.delivery_id] = found
        return found
