"""What the oracle finds: numbers, and everything that is against the promise."""

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from tests.faults.harness.journals import Post, Recorded

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A POST after one that had succeeded, and what may have caused it; empty: nothing did."""

    delivery_id: str
    path: str
    at: float
    causes: tuple[str, ...]


@dataclass(slots=True)
class Verdict:
    """What the journals say.

    Attributes:
        accepted: Deliveries that must be.
        posts: POSTs that arrived.
        records: What list-events shows.
        delivered: Accepted deliveries with a POST that succeeded.
        given_up: Accepted deliveries that were recorded as given up, without such a POST.
        cancelled: The same, cancelled.
        refused: The same, refused by the receiver.
        pending: Accepted deliveries that have not ended while queues still hold some.
        lost: The same, when no queue holds any: nothing will end them.
        unlisted: Deliveries that succeeded, and have no record that says so.
        phantoms: POSTs of what was never published, or to the wrong webhook.
        misrecorded: Records that no POST bears out, or that contradict theirs, in words.
        doubled: Records that stand in list-events twice.
        unrecorded: Answered POSTs without a record, which no fault explains.
        forgotten: The same, which the end of a deliverer explains, or a connection that was cut.
        duplicates: POSTs after a success.
    """

    accepted: int = 0
    posts: int = 0
    records: int = 0
    delivered: int = 0
    given_up: int = 0
    cancelled: int = 0
    pending: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    phantoms: list[Post] = field(default_factory=list)
    misrecorded: list[str] = field(default_factory=list)
    doubled: list[Recorded] = field(default_factory=list)
    unrecorded: list[Post] = field(default_factory=list)
    forgotten: list[Post] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)
    refused: int = 0

    def add(self, other: "Verdict") -> None:
        """Take in what was found of other deliveries."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    @property
    def unexplained(self) -> list[Duplicate]:
        """Duplicates that nothing caused."""
        return [duplicate for duplicate in self.duplicates if not duplicate.causes]

    @property
    def is_open(self) -> bool:
        """Whether time may still mend something."""
        return bool(self.pending or self.lost or self.unlisted or self.unrecorded)

    @property
    def problems(self) -> list[str]:
        """What is against the promise, in words; duplicates are not, if they are explained."""
        found: list[tuple[str, Sequence[object]]] = [
            ("lost", self.lost),
            ("still pending", self.pending),
            ("not listed as delivered", self.unlisted),
            ("never published", self.phantoms),
            ("misrecorded", self.misrecorded),
            ("recorded twice", self.doubled),
            ("answered and not recorded", self.unrecorded),
            ("duplicates without a cause", self.unexplained),
        ]
        return [f"{len(those)} {what}, e.g. {those[0]}" for what, those in found if those]

    def figures(self) -> dict[str, object]:
        """The numbers, ready for JSON."""
        share = len(self.duplicates) / self.accepted if self.accepted else 0.0
        return {
            "deliveries": self.accepted,
            "delivered": self.delivered,
            "given_up": self.given_up,
            "cancelled": self.cancelled,
            "posts": self.posts,
            "records": self.records,
            "pending": len(self.pending),
            "lost": len(self.lost),
            "unlisted": len(self.unlisted),
            "phantoms": len(self.phantoms),
            "misrecorded": len(self.misrecorded),
            "recorded_twice": len(self.doubled),
            "unrecorded": len(self.unrecorded),
            "unrecorded_because_killed_or_swallowed": len(self.forgotten),
            "duplicates": len(self.duplicates),
            "duplicates_percent": round(100 * share, 3),
            "duplicates_by_cause": dict(
                Counter(each.causes[-1] if each.causes else "none" for each in self.duplicates)
            ),
            "duplicates_unexplained": len(self.unexplained),
            "problems": self.problems,
        }
