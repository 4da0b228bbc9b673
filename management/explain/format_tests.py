"""Trying a format: what a registry's last events would look like in it, or an example."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portcall.schemas.events import Event
from portcall.schemas.examples import event as example
from portcall.schemas.formats.chosen import chosen_of
from portcall.schemas.formats.results import Rendered
from portcall.store.engine import Store

LAST = 1
MAX_LAST = 50
ACR_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Formed:
    """An event in a format.

    Attributes:
        event: The event.
        is_example: Whether it is none of the registry's.
        content_type: Of the POST.
        headers: Those that depend on the event.
        body: Of the POST; empty: nothing would be sent.
        reason: Why nothing would be sent; empty: it would be.
    """

    event: Event
    is_example: bool
    content_type: str
    headers: Mapping[str, str]
    body: str
    reason: str


class FormatTests:
    """Tries formats; its methods block.

    Args:
        store: Has the journal and the records of events.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def try_format(
        self, registry: str, wanted: Mapping[str, str] | None, last: int = LAST
    ) -> list[Formed]:
        """The last events of a registry in a format, newest first; an example if it has none.

        Only events with a record are there: those that were sent to a webhook.

        Args:
            registry: The registry's key.
            wanted: The format, checked; None: ACR's.
            last: How many events, 0 to `MAX_LAST`; 0: the example.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        events: Sequence[Event] = ()
        if last:
            ids = [each.event_id for each in self._store.journal.newest(registry, last)]
            events = self._store.eventlog.events(registry, ids)
        if not events:
            return [formed(example(), wanted, is_example=True)]
        return [formed(each, wanted) for each in events]


def formed(event: Event, wanted: Mapping[str, str] | None, *, is_example: bool = False) -> Formed:
    """An event in a format."""
    form = chosen_of(wanted) if wanted else None
    if form is None:
        return Formed(event, is_example, ACR_TYPE, {}, bytes(event.body).decode(), "")
    result = form.render(event)
    if isinstance(result, Rendered):
        headers, body = dict(result.headers), result.body.decode()
        return Formed(event, is_example, form.content_type, headers, body, "")
    return Formed(event, is_example, form.content_type, {}, "", result.reason)
