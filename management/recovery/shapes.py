"""The intake and republished deliveries as answers; see `management.http.shapes`."""

from portcall.management.audit.shapes import Suspect
from portcall.management.http.shapes import Shape, Timestamp


class Intake(Shape, frozen=True):
    """Whether the producers take events.

    Attributes:
        stopped_at: Since when they refuse them; null: they take them.
    """

    stopped_at: Timestamp | None


class Republished(Shape, frozen=True):
    """What became of missing deliveries.

    Attributes:
        published: How many were published again.
        without: Some of those whose event is not stored, so that its sender must send it again.
        without_count: How many these are.
        more: Whether there are more of them than one call takes.
    """

    published: int
    without: list[Suspect]
    without_count: int
    more: bool
