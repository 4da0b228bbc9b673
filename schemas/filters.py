"""Filters: what a webhook does not want to hear, although its actions and its scope cover it.

All are off by default: a webhook without filters gets what ACR's rules give it. They are tried in
the order of `NAMES`, and the first that holds an event back is the one that is named.

Everything here is pure but three, which need the store for events that the others let pass:
`changedOnly` (`router.changes`), `coalesce` (`router.coalescing`), which holds a push without a
tag back until it is known whether an index lists it, and `tagsOnDelete` (`router.naming`), which
holds nothing back: a delete waits until its tags are known.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from portcall.schemas.artifact_types import ATTACHED, artifact_type, is_referrer_tag
from portcall.schemas.durations import format_duration, parse_duration_ms
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Action, Event
from portcall.schemas.extras import NONE

TAGGED_ONLY, NO_REFERRERS = "taggedOnly", "noReferrers"
ARTIFACT_TYPES, CHANGED_ONLY = "artifactTypes", "changedOnly"
COALESCE, TAGS_ON_DELETE = "coalesce", "tagsOnDelete"
COALESCING = "coalescing"
"""In the journal, in the place of a filter: a push waits for an index that lists it, or a delete
for its tags."""
FLAGS = (TAGGED_ONLY, NO_REFERRERS, CHANGED_ONLY, TAGS_ON_DELETE)
NAMES = (TAGGED_ONLY, NO_REFERRERS, ARTIFACT_TYPES, CHANGED_ONLY, COALESCE, TAGS_ON_DELETE)
DEFAULT_WAIT = "1m"
MIN_WAIT_MS, MAX_WAIT_MS = 1_000, 3_600_000
"""How long a push without a tag may wait for its index."""
UNKNOWN = "unknown"
TYPES = (
    "image", "index", "helm", "signature", "attestation", "sbom", "wasm", "cache", "other", UNKNOWN,
)  # fmt: skip
"""The artifact types; ``unknown`` is what no source tells."""
_CHARTS = (Action.CHART_PUSH, Action.CHART_DELETE)


class Filters(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The filters of one webhook.

    Attributes:
        tagged_only: Hold back an event without a tag.
        no_referrers: Hold back signatures, attestations, SBOMs and what else is attached to an
            artifact: their tags ``sha256-<hex>``, and deletes of digests last seen under one.
        artifact_types: Let only these pass; empty: all.
        changed_only: Hold back a push of a tag that names the same digest as before.
        coalesce: How long a push without a tag waits for the push of an index that lists it, as
            ``1m``; it is held back where the webhook gets that. Empty: it does not wait.
        tags_on_delete: A delete of a manifest names its tags, and waits a moment for them.
    """

    tagged_only: bool = False
    no_referrers: bool = False
    artifact_types: tuple[str, ...] = ()
    changed_only: bool = False
    coalesce: str = ""
    tags_on_delete: bool = False

    @property
    def wait_ms(self) -> int:
        """How long a push without a tag waits, milliseconds; 0: it does not."""
        if not self.coalesce:
            return 0
        try:
            return min(parse_duration_ms(self.coalesce), MAX_WAIT_MS)
        except InvalidValueError:  # as a later version writes it
            return parse_duration_ms(DEFAULT_WAIT)


OFF = Filters()


class Facts(NamedTuple):
    """What filters ask of an event.

    Attributes:
        action: Its action.
        tag: Empty where it has none.
        artifact_type: One of `TYPES`.
        is_referrer: Whether it is known to be attached to another artifact.
    """

    action: str
    tag: str = ""
    artifact_type: str = UNKNOWN
    is_referrer: bool = False


class _Target(Struct, frozen=True, rename="camel"):
    """The part of an event's target that tells its type."""

    media_type: str | None = None


class _Body(Struct, frozen=True):
    target: _Target = _Target()


_decode_body = msgspec.json.Decoder(_Body).decode


def facts_of(event: Event) -> Facts:
    """What is known of an event, from its extras, its media type and its tag."""
    extras = event.extras or NONE
    told = extras.artifact_type or artifact_type(_media_type(event), "", event.tag)
    if not told and event.action in _CHARTS:
        told = "helm"
    known = told if told in TYPES else ("other" if told else UNKNOWN)
    attached = not event.tag and known in ATTACHED
    return Facts(
        event.action,
        event.tag,
        known,
        is_referrer=extras.referrer or attached or is_referrer_tag(event.tag),
    )


def facts_by_tag(action: str, tag: str) -> Facts:
    """What is known of an event of which only action and tag are known."""
    told = artifact_type("", "", tag) or ("helm" if action in _CHARTS else UNKNOWN)
    return Facts(action, tag, told, is_referrer=is_referrer_tag(tag))


def _media_type(event: Event) -> str:
    try:
        return _decode_body(event.body).target.media_type or ""
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def held_back(filters: Filters, facts: Facts) -> str:
    """The name of the first filter that holds an event back; empty: all that are pure let it pass.

    It is not for pings: none is routed, so no filter concerns them.
    """
    if filters.tagged_only and not facts.tag:
        return TAGGED_ONLY
    if filters.no_referrers and facts.is_referrer:
        return NO_REFERRERS
    if filters.artifact_types and facts.artifact_type not in filters.artifact_types:
        return ARTIFACT_TYPES
    return ""


def why(name: str, facts: Facts, filters: Filters | None = None) -> str:
    """Why the filter of that name held an event back, as text.

    Args:
        name: One of `NAMES`, or a later version's.
        facts: Of the event.
        filters: The webhook's; None: they are not known any more.
    """
    match name:
        case "taggedOnly":
            return f"{name}: the event has no tag"
        case "noReferrers":
            return f"{name}: {_attached(facts)}"
        case "artifactTypes":
            wanted = f"; the webhook wants {', '.join(filters.artifact_types)}" if filters else ""
            return f"{name}: the artifact's type is {facts.artifact_type}{wanted}"
        case "changedOnly":
            return f"{name}: the tag named this digest before, as the webhook was told"
        case "coalesce":
            return f"{name}: the push of an index that lists it tells of it"
        case _:
            return name


def _attached(facts: Facts) -> str:
    if is_referrer_tag(facts.tag):
        return f"the tag {facts.tag} belongs to what is attached to another artifact"
    if facts.action == Action.DELETE:
        return "the digest was last seen under a tag of what is attached to another artifact"
    return f"{facts.artifact_type} is attached to another artifact"


def read_filters(value: object, field: str = "filters") -> Filters | None:
    """Read filters as JSON has them; null and an object without a filter are none.

    Raises:
        InvalidValueError: It is no such object; ``field`` names the part.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidValueError(field, f"must be an object with some of {', '.join(NAMES)}")
    read: dict[str, Any] = {}
    for name, given in value.items():
        if name in FLAGS:
            read[name] = _flag(given, f"{field}.{name}")
        elif name == ARTIFACT_TYPES:
            read[name] = _types(given, f"{field}.{name}")
        elif name == COALESCE:
            read[name] = _wait(given, f"{field}.{name}")
        else:
            raise InvalidValueError(f"{field}.{name[:32]}", f"is no filter{_hint(name)}")
    filters = msgspec.convert(read, Filters)
    return None if filters == OFF else filters


def _hint(name: str) -> str:
    """What a name that is no filter may stand for, as it is written."""
    near = get_close_matches(name.lower()[:32], _MEANT, 1)
    if near:
        return f"; did you mean {_MEANT[near[0]]}?"
    return f"; there are {', '.join(_WRITTEN.get(each, each) for each in NAMES)}"


def _check_once(value: object, field: str) -> None:
    if isinstance(value, list) and len(value) > 1:
        raise InvalidValueError(field, "is given more than once: give it once")


def _flag(value: object, field: str) -> bool:
    if value is None:
        return False
    _check_once(value, field)
    if isinstance(value, str):
        problem = f"takes no value such as {value[:32]!r}; in JSON it is true or false"
        raise InvalidValueError(field, problem)
    if not isinstance(value, bool):
        raise InvalidValueError(field, "must be true or false")
    return value


def _wait(value: object, field: str) -> str:
    if value is None or value is False or value == "":
        return ""
    if value is True:
        return DEFAULT_WAIT
    _check_once(value, field)
    if not isinstance(value, str):
        raise InvalidValueError(field, "must be a duration, as 1m, or true or false")
    wait_ms = parse_duration_ms(value, field)
    if not MIN_WAIT_MS <= wait_ms <= MAX_WAIT_MS:
        limits = f"{format_duration(MIN_WAIT_MS)} and {format_duration(MAX_WAIT_MS)}"
        raise InvalidValueError(field, f"{value[:32]!r} is not between {limits}")
    return format_duration(wait_ms)


def _types(value: object, field: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if value is True or value == "":
        example = _WRITTEN[ARTIFACT_TYPES]
        raise InvalidValueError(field, f"name at least one type, as in {example}")
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise InvalidValueError(field, f"must be a list of {', '.join(TYPES)}")
    for index, each in enumerate(value):
        if each not in TYPES:
            raise InvalidValueError(f"{field}[{index}]", _no_type(each))
    return tuple(each for each in TYPES if each in value)


def _no_type(value: object) -> str:
    if not isinstance(value, str):
        return f"must be one of {', '.join(TYPES)}"
    near = get_close_matches(value.lower()[:32], TYPES, 1)
    hint = f"; did you mean {near[0]}?" if near else f": it is one of {', '.join(TYPES)}"
    return f"{value[:32]!r} is not an artifact type{hint}"


_WRITTEN = {ARTIFACT_TYPES: f"{ARTIFACT_TYPES}=image,index", COALESCE: f"{COALESCE}={DEFAULT_WAIT}"}
"""How filters with a value are written as words."""
_MEANT = {
    **{each: f"{ARTIFACT_TYPES}={each}" for each in TYPES},
    **{name.lower(): _WRITTEN.get(name, name) for name in NAMES},
}
"""How a filter is written, by the word in lower case that may stand for it."""
