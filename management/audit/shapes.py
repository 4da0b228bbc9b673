"""The accounts as an answer; see `management.http.shapes`."""

from portcall.management.http.shapes import Shape, Timestamp


class Account(Shape, frozen=True):
    """What became of one registry's events; an event for n webhooks is n deliveries."""

    registry: str
    events: int
    accepted: int
    delivered: int
    given_up: int
    cancelled: int
    refused: int
    filtered: int
    no_match: int
    open: dict[str, int]
    unmoved: dict[str, int]


class Suspect(Shape, frozen=True):
    """A delivery, or an event, to inspect."""

    doubt: str
    registry: str
    event_id: str | None
    accepted_at: Timestamp
    webhook_id: int | None
    delivery_id: str | None
    last_attempt_at: Timestamp | None
    dead: str | None


class Audit(Shape, frozen=True):
    """The accounts of everything that was accepted."""

    time: int
    since: Timestamp
    registries: list[Account]
    queued: dict[str, int]
    dead: int
    suspects: list[Suspect]
