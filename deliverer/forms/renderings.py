"""Renderings: an event is rendered once for each format, not for each webhook and attempt."""

from collections import OrderedDict
from typing import NamedTuple

from portcall.schemas.events import Event
from portcall.schemas.formats.chosen import Chosen
from portcall.schemas.formats.results import Rendered, Result

MAX_KEPT = 512
MAX_BYTES = 4_000_000
"""Of the rendered bodies that are kept."""

_Key = tuple[Chosen, str, str]


class _Kept(NamedTuple):
    event: Event
    result: Result


class Renderings:
    """The newest renderings; an older one is made anew."""

    def __init__(self, *, max_kept: int = MAX_KEPT, max_bytes: int = MAX_BYTES) -> None:
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()
        self._max_kept = max_kept
        self._max_bytes = max_bytes
        self._bytes = 0

    def of(self, event: Event, form: Chosen) -> Result:
        """The rendering of an event in a format."""
        key = (form, event.registry, event.id)
        found = self._kept.get(key)
        if found is not None:
            if found.event is event or _are_same(found.event, event):
                return found.result
            self._drop(key)
        result = form.render(event)
        self._kept[key] = _Kept(event, result)
        self._bytes += _size(result)
        while self._kept and (len(self._kept) > self._max_kept or self._bytes > self._max_bytes):
            self._drop(next(iter(self._kept)))
        return result

    def _drop(self, key: _Key) -> None:
        self._bytes -= _size(self._kept.pop(key).result)


def _are_same(one: Event, other: Event) -> bool:
    """Whether two events of one id are one, in two frames; an id may also be used twice."""
    return one.body == other.body and one.extras == other.extras


def _size(result: Result) -> int:
    return len(result.body) if isinstance(result, Rendered) else 0
