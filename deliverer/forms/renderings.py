"""Renderings: an event is rendered once for each format, not for each webhook and attempt."""

from collections import OrderedDict

from portcall.schemas.events import Event
from portcall.schemas.extras import Extras
from portcall.schemas.formats.chosen import Chosen
from portcall.schemas.formats.results import Rendered, Result

MAX_KEPT = 512
MAX_BYTES = 4_000_000
"""Of the rendered bodies that are kept."""

_Key = tuple[Chosen, str, bytes, Extras | None]


class Renderings:
    """The newest renderings; an older one is made anew."""

    def __init__(self, *, max_kept: int = MAX_KEPT, max_bytes: int = MAX_BYTES) -> None:
        self._kept: OrderedDict[_Key, Result] = OrderedDict()
        self._max_kept = max_kept
        self._max_bytes = max_bytes
        self._bytes = 0

    def of(self, event: Event, form: Chosen) -> Result:
        """The rendering of an event."""
        key = (form, event.registry, bytes(event.body), event.extras)
        found = self._kept.get(key)
        if found is not None:
            return found
        result = form.render(event)
        self._kept[key] = result
        self._bytes += _size(result)
        while self._kept and (len(self._kept) > self._max_kept or self._bytes > self._max_bytes):
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= _size(oldest)
        return result


def _size(result: Result) -> int:
    return len(result.body) if isinstance(result, Rendered) else 0
