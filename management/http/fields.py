"""The types of single fields: each has its rule, so that a model is a list of fields."""

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, PlainValidator
from pydantic_core import PydanticCustomError

from portcall.management.http import field_schemas as said
from portcall.management.http.field_schemas import MAX_TAG_NAME, MAX_TAG_VALUE, MAX_TAGS
from portcall.management.http.locations import normalised
from portcall.schemas.certificates import check_ca_bundle, check_chain, check_key
from portcall.schemas.deliveries import is_delivery_id
from portcall.schemas.durations import (
    checked_schedule_ms,
    parse_duration_ms,
    parse_limit_ms,
    parse_schedule_ms,
)
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import check_event_id
from portcall.schemas.filters import Filters, read_filters
from portcall.schemas.final_answers import parse_final_answers
from portcall.schemas.formats.chosen import NAME, check_format
from portcall.schemas.globs.scopes import parse_scopes
from portcall.schemas.records import Outcome
from portcall.schemas.scopes import parse_scope
from portcall.schemas.signatures import Scheme, check_shared_secret
from portcall.schemas.timestamps import parse_timestamp
from portcall.schemas.webhooks import (
    Sku,
    Status,
    action_bits,
    check_headers,
    check_name,
    check_rate_limit,
    parse_service_uri,
)
from portcall.store.records.selection import ENDINGS

GENERATE = "generate"
"""Instead of a secret: make one. It cannot be mistaken for a secret."""

MAX_OVERLAP_MS = 30 * 86_400_000

_LOCATION = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)
_NOT_IN_TAG = re.compile(r"[\x00-\x1f\x7f<>%&\\?/]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

ValueT = TypeVar("ValueT")


def _refused(error: InvalidValueError) -> PydanticCustomError:
    context = {"problem": error.problem, "at": error.field}
    if isinstance(error, TagError):
        context["code"] = error.code
    return PydanticCustomError("rule", "{problem}", context)


def ruled(check: Callable[[ValueT], object]) -> AfterValidator:
    """A validator that runs *check*, and keeps the value as it was sent.

    The field of the check's error is added to the place of the value in the body.
    """

    def validate(value: ValueT) -> ValueT:
        try:
            check(value)
        except InvalidValueError as error:
            raise _refused(error) from error
        return value

    return AfterValidator(validate)


def _made(make: Callable[[Any], ValueT]) -> PlainValidator:
    """A validator that converts the JSON value."""

    def validate(value: object) -> ValueT:
        try:
            return make(value)
        except InvalidValueError as error:
            raise _refused(error) from error

    return PlainValidator(validate)


def normalised_location(text: str) -> str:
    """A region's name in the stored form: ``West US`` is ``westus``.

    Raises:
        InvalidValueError: It is not a region's name.
    """
    location = normalised(text)
    if not location:
        raise InvalidValueError("", "is required")
    if not _LOCATION.fullmatch(location):
        raise InvalidValueError("", f"{text[:64]!r} is not the name of a region, as in westus")
    return location


class TagError(InvalidValueError):
    """A tag that ARM refuses, with ARM's code for that."""

    def __init__(self, code: str, field: str, problem: str) -> None:
        super().__init__(field, problem)
        self.code = code


def check_tags(tags: dict[str, str]) -> None:
    """Check ARM's limits of tags: 50 of them, names of up to 512 characters, values up to 256.

    Raises:
        InvalidValueError: The tags exceed a limit.
    """
    if len(tags) > MAX_TAGS:
        problem = f"has {len(tags)} tags; at most {MAX_TAGS} are allowed"
        raise TagError("InvalidTags", "", problem)
    seen: set[str] = set()
    for name, value in tags.items():
        where = f".{name[:64]}"
        _check_tag_name(name, where)
        if name.lower() in seen:
            raise TagError("InvalidTags", where, "occurs twice (tag names have no case)")
        seen.add(name.lower())
        if len(value) > MAX_TAG_VALUE:
            problem = f"a tag's value is at most {MAX_TAG_VALUE} characters long"
            raise TagError("InvalidTagValueLength", where, problem)
        if _CONTROL.search(value):
            raise InvalidValueError(where, "a tag's value has no control characters")


def _check_tag_name(name: str, where: str) -> None:
    if not name.strip() or len(name) > MAX_TAG_NAME:
        problem = f"a tag's name is 1 to {MAX_TAG_NAME} characters, not only blanks"
        raise TagError("InvalidTagName", where, problem)
    if _NOT_IN_TAG.search(name):
        problem = r"a tag's name has none of < > % & \ ? / and no control characters"
        raise TagError("InvalidTagNameCharacters", where, problem)


def check_secret(text: str) -> None:
    """Check a secret; an empty one (none) and `GENERATE` are valid, too.

    Raises:
        InvalidValueError: It is not ``whsec_`` and the base64 of 24 to 64 bytes. The message does
            not repeat it.
    """
    if text not in ("", GENERATE):
        check_shared_secret(text, "")


def _schedule(value: object) -> tuple[int, ...] | None:
    """Read a list of durations, or the same as one text; None is the installation's schedule."""
    if value is None:
        return None
    if isinstance(value, str):
        return parse_schedule_ms(value, "")
    if not isinstance(value, list):
        raise InvalidValueError("", 'must be a list of durations, as in ["10s", "1m"]')
    delays_ms = []
    for index, entry in enumerate(value):
        if not isinstance(entry, str):
            raise InvalidValueError(f"[{index}]", "must be a duration, as in 10s")
        delays_ms.append(parse_duration_ms(entry, f"[{index}]"))
    return checked_schedule_ms(tuple(delays_ms), "")


def _limit(value: object) -> int | None:
    """Read a duration, or ``none``, which is 0; None is the installation's."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidValueError("", 'must be a duration, as in 12h, or "none"')
    return parse_limit_ms(value, "")


def _rate(value: object) -> float:
    """Read POSTs a second; null and 0 are no limit."""
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValueError("", "must be a number: POSTs a second, as in 50")
    return check_rate_limit(value, "")


def _scopes(value: object) -> tuple[str, ...] | None:
    """Read a list of patterns; None and an empty list are none."""
    if value is None:
        return None
    if not isinstance(value, list):
        raise InvalidValueError("", 'must be a list of patterns, as in ["team/*", "!team/test/**"]')
    for index, entry in enumerate(value):
        if not isinstance(entry, str):
            raise InvalidValueError(f"[{index}]", "must be a pattern, as in team/*")
    return parse_scopes(value, "").texts or None


def _format(value: object) -> dict[str, str] | None:
    """Read a format: its name, or an object with the name and the settings; None is ACR's."""
    if value is None:
        return None
    if isinstance(value, str):
        value = {NAME: value}
    if not isinstance(value, dict):
        raise InvalidValueError("", 'must be the name of a format, or {"name": ...}')
    return check_format(value)


def _overlap(value: object) -> int | None:
    """Read how long two secrets sign: a duration of up to `MAX_OVERLAP_MS`, or ``none``."""
    overlap_ms = _limit(value)
    if overlap_ms is not None and overlap_ms > MAX_OVERLAP_MS:
        raise InvalidValueError("", "is more than 30d, the longest that two secrets may sign")
    return overlap_ms


def _time(value: object) -> int:
    if not isinstance(value, str):
        raise InvalidValueError("", "must be a time, as in 2026-03-04T10:20:30Z")
    return parse_timestamp(value, "")


def _outcomes(value: object) -> tuple[Outcome, ...]:
    """Read how deliveries ended: at least one of the words, each once."""
    allowed = [outcome.value for outcome in ENDINGS]
    words = value if isinstance(value, list) and value else [None]
    for index, word in enumerate(words):
        if word not in allowed:
            where = f"[{index}]" if isinstance(value, list) and value else ""
            raise InvalidValueError(where, f"must be one of {', '.join(allowed)}")
    return tuple(outcome for outcome in ENDINGS if outcome.value in words)


def _check_delivery_id(text: str) -> None:
    if not is_delivery_id(text):
        raise InvalidValueError("", "is not a webhook-id: msg_ and 32 digits of hex")


def _member(
    kind: type[Status] | type[Sku] | type[Scheme],
) -> Callable[[object], Status | Sku | Scheme]:
    """A reader of one of *kind*'s words, without regard to case."""
    words = {member.value.lower(): member for member in kind}
    allowed = ", ".join(member.value for member in kind)

    def read(value: object) -> Status | Sku | Scheme:
        if not isinstance(value, str):
            raise InvalidValueError("", f"must be one of {allowed}")
        member = words.get(value.lower())
        if member is None:
            raise InvalidValueError("", f"{value[:32]!r} is not known; allowed are {allowed}")
        return member

    return read


def _status(value: object) -> object:
    return None if value is None else _member(Status)(value)


def _scheme(value: object) -> object:
    return Scheme.NONE if value is None else _member(Scheme)(value)


def _actions(actions: list[str]) -> list[str]:
    """Check actions and write them in lower case, as az does."""
    lowered = [action.lower() for action in actions]
    try:
        action_bits(lowered, "")
    except InvalidValueError as error:
        raise _refused(error) from error
    return lowered


def _location(text: str) -> str:
    try:
        return normalised_location(text)
    except InvalidValueError as error:
        raise _refused(error) from error


def _written(check: Callable[[str, str], str]) -> AfterValidator:
    """A validator that keeps the result of *check*; empty stays empty."""

    def validate(text: str) -> str:
        try:
            return check(text, "") if text.strip() else ""
        except InvalidValueError as error:
            raise _refused(error) from error

    return AfterValidator(validate)


Name = Annotated[str, ruled(lambda text: check_name(text, "")), said.NAME]
Location = Annotated[str, AfterValidator(_location), said.LOCATION]
Tags = Annotated[dict[str, str], ruled(check_tags), said.TAGS]
Uri = Annotated[str, ruled(lambda text: parse_service_uri(text, "")), said.URI]
Headers = Annotated[dict[str, str], ruled(lambda headers: check_headers(headers, "")), said.HEADERS]
Actions = Annotated[list[str], AfterValidator(_actions), said.ACTIONS]
ScopeText = Annotated[str, ruled(lambda text: parse_scope(text, "")), said.SCOPE]
StatusWord = Annotated[Status | None, _made(_status), said.STATUS]
SkuWord = Annotated[Sku, _made(_member(Sku)), said.SKU]
Secret = Annotated[str, ruled(check_secret), said.SECRET]
Signature = Annotated[Scheme | None, _made(_scheme), said.SIGNATURE]
CaBundle = Annotated[str, _written(check_ca_bundle), said.CA_BUNDLE]
ClientCertificate = Annotated[str, _written(check_chain), said.CLIENT_CERTIFICATE]
ClientKey = Annotated[str, _written(check_key), said.CLIENT_KEY]
Limit = Annotated[int | None, _made(_limit), said.LIMIT]
Rate = Annotated[float, _made(_rate), said.RATE]
FilterSet = Annotated[Filters | None, _made(lambda value: read_filters(value, "")), said.FILTERS]
Scopes = Annotated[tuple[str, ...] | None, _made(_scopes), said.SCOPES]
Format = Annotated[dict[str, str] | None, _made(_format), said.FORMAT]
FinalAnswers = Annotated[
    str | None, _made(lambda value: parse_final_answers(value, "")), said.FINAL_ANSWERS
]
Overlap = Annotated[int | None, _made(_overlap), said.LIMIT]
Time = Annotated[int, _made(_time), said.TIME]
Outcomes = Annotated[tuple[Outcome, ...], _made(_outcomes), said.OUTCOMES]
EventId = Annotated[str, ruled(lambda text: check_event_id(text, "")), said.EVENT_ID]
DeliveryId = Annotated[str, ruled(_check_delivery_id), said.DELIVERY_ID]
Schedule = Annotated[tuple[int, ...] | None, _made(_schedule), said.SCHEDULE]
