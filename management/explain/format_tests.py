"""Trying a format: what a registry's last events would look like in it, or an example."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import structs

from portcall.management.explain.scope_tests import ScopeTests
from portcall.schemas import examples
from portcall.schemas.events import Event
from portcall.schemas.filters import OFF, Filters
from portcall.schemas.formats.chosen import Chosen, chosen_for
from portcall.schemas.formats.heads import common_headers
from portcall.schemas.formats.results import Rendered
from portcall.store.engine import Store

LAST = 1
MAX_LAST = 50
SEARCHED = 500
"""How many of a registry's last events are searched for those that a webhook would have got."""
WEBHOOK_ID, WEBHOOK_NAME = 1, "webhook"
"""In headers that name the webhook: a preview has none."""
_CHUNK = 50
"""Events whose records are read at once: with bodies of ACR's, about 50 KB."""


@dataclass(frozen=True, slots=True)
class Formed:
    """An event in a format.

    Attributes:
        event: The event.
        is_example: Whether it is none of the registry's.
        common: The headers of each POST in this format, without a signature.
        headers: Those that depend on the event.
        body: Of the POST; empty: nothing would be sent.
        reason: Why nothing would be sent; empty: it would be.
    """

    event: Event
    is_example: bool
    common: Mapping[str, str]
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
        self._scopes = ScopeTests(store)

    def try_format(
        self,
        registry: str,
        wanted: Mapping[str, str] | None,
        last: int = LAST,
        *,
        filters: Filters | None = None,
    ) -> list[Formed]:
        """The last events of a registry in a format, newest first; an example if it has none.

        Only events with a record are there: those that were sent to a webhook. They are searched
        among the registry's last `SEARCHED`.

        Args:
            registry: The registry's key.
            wanted: The format, checked; None: ACR's.
            last: How many events, 0 to `MAX_LAST`; 0: the example.
            filters: The webhook's; None: none. Events that they hold back are not there. With
                `coalesce` an index lists its children, with `tagsOnDelete` a delete has its tags,
                as far as they are known now; then the example has them, too.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        given = filters or OFF
        form = chosen_for(wanted, given)
        events = self._last(registry, last, given) if last else []
        if not events:
            return [formed(each, form, is_example=True) for each in examples_for(given)]
        return [formed(each, form) for each in events]

    def _last(self, registry: str, last: int, filters: Filters) -> list[Event]:
        """The last events with a record that the filters let pass, newest first."""
        holding = structs.replace(filters, tags_on_delete=False)  # which names tags, and holds none
        tried = self._scopes.try_scope(registry, "", last=SEARCHED, filters=holding)
        ids = list(dict.fromkeys(each.event_id for each in tried if each.matches))
        found: list[Event] = []
        for start in range(0, len(ids), _CHUNK):
            found += self._store.eventlog.events(registry, ids[start : start + _CHUNK])
            if len(found) >= last:
                break
        events = found[:last]
        return self._store.deleted_tags.named(events) if filters.tags_on_delete else events


def examples_for(filters: Filters) -> Sequence[Event]:
    """What shows the effect of filters: an index with children, a delete with its tags."""
    pushed = examples.index_event() if filters.wait_ms else examples.event()
    return [pushed, examples.delete_event()] if filters.tags_on_delete else [pushed]


def formed(event: Event, form: Chosen | None, *, is_example: bool = False) -> Formed:
    """An event in a format; None: ACR's."""
    common = common_headers(form, WEBHOOK_ID, WEBHOOK_NAME)
    if form is None:
        return Formed(event, is_example, common, {}, bytes(event.body).decode(), "")
    result = form.render(event)
    if isinstance(result, Rendered):
        headers, body = dict(result.headers), result.body.decode()
        return Formed(event, is_example, common, headers, body, "")
    return Formed(event, is_example, common, {}, "", result.reason)
