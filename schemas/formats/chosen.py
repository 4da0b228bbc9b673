"""A webhook's format: its name with its settings, as its owner wrote them and as it is used.

In the API and in the store it is an object of texts: ``{"name": "cloudevents", "mode": "binary"}``.
A webhook without one gets ``acr``, whose body is the event's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache

import msgspec
from msgspec import structs

from portcall.schemas.children import with_children
from portcall.schemas.deletes import naming_tags
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Action, Event
from portcall.schemas.extras import Extras
from portcall.schemas.filters import OFF, Filters
from portcall.schemas.formats.facts import Options, facts_of
from portcall.schemas.formats.names import FormatName
from portcall.schemas.formats.results import Result, Unrenderable, is_json
from portcall.schemas.formats.table import ACR, FORMATS, Format

NAME, TEMPLATE = "name", "template"
"""Of a format's settings: its name, and the text of the owner's own."""

_NAMES = frozenset(each.value for each in FormatName)


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """A format with its settings; equal ones are the same object.

    Attributes:
        format: The format.
        options: Its settings.
        lists_children: Whether the payload of an index has its children, as a webhook with the
            filter `coalesce` gets it.
        names_tags: Whether a delete names the tags that went with its manifest, as a webhook with
            the filter `tagsOnDelete` gets it.
        needs_consent: Whether an endpoint is asked before it gets anything.
        reads_answers: Whether more than its status decides what an answer means.
        writes_json: Whether its bodies are JSON.
    """

    format: Format
    options: Options
    lists_children: bool = False
    names_tags: bool = False
    needs_consent: bool = field(init=False)
    reads_answers: bool = field(init=False)
    writes_json: bool = field(init=False)

    def __post_init__(self) -> None:
        """Work out what each attempt would ask again."""
        asks = "origin" in self.options or self.options.get("validation") == "on"
        object.__setattr__(self, "needs_consent", asks)
        object.__setattr__(self, "reads_answers", self.format.reads_answers)
        object.__setattr__(self, "writes_json", is_json(self.content_type))

    @property
    def content_type(self) -> str:
        """The content type of its POSTs."""
        return self.format.content_type(self.options)

    def render(self, event: Event) -> Result:
        """Render an event."""
        if event.extras is not None:
            event = self._told(event, event.extras)
        try:
            facts = facts_of(event)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Unrenderable("the event's body is no payload of ACR's")
        return self.format.render(facts, self.options)

    def _told(self, event: Event, extras: Extras) -> Event:
        """The event, whose payload has the extras that the webhook asks for, and no others.

        Without the filter a delete has no tags, also where another webhook got them.
        """
        if self.lists_children and extras.children:
            body = with_children(bytes(event.body), extras.children)
            return structs.replace(event, body=msgspec.Raw(body))
        if not extras.tags:
            return event
        if not self.names_tags or event.action != Action.DELETE:
            return structs.replace(event, extras=structs.replace(extras, tags=()))
        body = naming_tags(bytes(event.body), extras.tags)
        return structs.replace(event, body=msgspec.Raw(body))


def chosen_of(
    stored: Mapping[str, str] | None, *, lists_children: bool = False, names_tags: bool = False
) -> Chosen | None:
    """The format of a stored setting; None: ACR's, whose body is the event's own.

    Args:
        stored: The setting; None: there is none.
        lists_children: Whether the payload of an index has its children.
        names_tags: Whether a delete names its tags.
    """
    return _chosen(tuple(sorted((stored or {}).items())), lists_children, names_tags)


def chosen_for(stored: Mapping[str, str] | None, filters: Filters | None) -> Chosen | None:
    """The format of a webhook with these filters, which may add to its payload; None: ACR's.

    Args:
        stored: The setting; None: there is none.
        filters: The webhook's filters; None: there are none.
    """
    wanted = filters or OFF
    coalesces, names_tags = wanted.wait_ms > 0, wanted.tags_on_delete
    if not stored and not coalesces and not names_tags:
        return None
    return chosen_of(stored, lists_children=coalesces, names_tags=names_tags)


@lru_cache(maxsize=1024)
def _chosen(
    items: tuple[tuple[str, str], ...],
    lists_children: bool,  # noqa: FBT001 (a key of the cache)
    names_tags: bool,  # noqa: FBT001 (the same)
) -> Chosen | None:
    options = dict(items)
    found = FORMATS.get(options.pop(NAME, FormatName.ACR))
    if found is None:
        is_plain = not lists_children and not names_tags
        return None if is_plain else Chosen(ACR, {}, lists_children, names_tags)
    return Chosen(found, options, lists_children, names_tags)


def check_format(wanted: Mapping[str, object]) -> dict[str, str] | None:
    """Check a wanted format; None: ACR's, the default.

    Raises:
        InvalidValueError: It is not known, or a setting breaks its rule; ``field`` is the
            setting's name with a dot before it.
    """
    name = wanted.get(NAME)
    given = {key: value for key, value in wanted.items() if key != NAME and value is not None}
    if not isinstance(name, str) or not name:
        raise InvalidValueError(f".{NAME}", f"is required: one of {', '.join(FormatName)}")
    if name not in _NAMES:
        near = get_close_matches(name.lower()[:32], list(FormatName), 1)
        hint = f"; did you mean {near[0]}?" if near else f": it is one of {', '.join(FormatName)}"
        raise InvalidValueError(f".{NAME}", f"{name[:32]!r} is not a format{hint}")
    options = () if name == FormatName.ACR else FORMATS[name].options
    allowed = {each.name: each for each in options}
    for key in given:
        if key not in allowed:
            takes = f"takes {', '.join(allowed)}" if allowed else "takes no settings"
            raise InvalidValueError(f".{key[:64]}", f"is not known: the format {name} {takes}")
    checked = {key: _text(key, value) for key, value in given.items()}
    for option in options:
        if option.name in checked:
            try:
                option.check(checked[option.name], checked)
            except InvalidValueError as error:
                raise InvalidValueError(f".{option.name}", error.problem) from None
        elif option.required:
            raise InvalidValueError(f".{option.name}", f"is required by the format {name}")
    return None if name == FormatName.ACR else {NAME: name, **checked}


def words_of(stored: Mapping[str, str]) -> str:
    """A format on one line, as it is typed; a template, which may be long, by its size."""
    settings = [
        f"{len(text)} characters" if key == TEMPLATE else f"{key}={text}"
        for key, text in stored.items()
        if key != NAME
    ]
    return " ".join([stored[NAME], *settings])


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidValueError(f".{key}", "must be a text")
    return value
