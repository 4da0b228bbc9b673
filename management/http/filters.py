"""``$filter``: the part of OData that az and the SDK send; everything else is refused.

Conditions joined by ``and``; each compares one field with a text in single quotes, in which a quote
is written twice:

    resourceType eq 'Microsoft.ContainerRegistry/registries' and tagName eq 'team'

Fields have no case. Values have none either, except those of tags: as in ARM.

Source: azure-cli's ``_list_resources_odata_filter_builder``, ARM's reference of Resources - List.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from portcall.management.http.errors import ArmError, invalid_filter

MAX_CONDITIONS = 20


class Field(StrEnum):
    """The fields of filters, as ARM writes them."""

    TYPE = "resourceType"
    NAME = "name"
    GROUP = "resourceGroup"
    LOCATION = "location"
    TAG_NAME = "tagName"
    TAG_VALUE = "tagValue"


RESOURCE_FIELDS = tuple(Field)
GROUP_FIELDS = (Field.TAG_NAME, Field.TAG_VALUE)
"""The fields of filters for lists of resource groups."""

_TEXT = r"'(?P<{}>(?:[^']|'')*)'"
_CONDITION = re.compile(
    rf"\s*(?:startswith\s*\(\s*tagname\s*,\s*{_TEXT.format('prefix')}\s*\)"
    rf"|(?P<field>[A-Za-z]+)\s+eq\s+{_TEXT.format('value')})\s*",
    re.IGNORECASE,
)
_AND = re.compile(r"and\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison.

    Attributes:
        field: The field.
        value: The value; in lower case, except a tag's value.
        is_prefix: Whether the value is only a prefix.
    """

    field: Field
    value: str
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class ComparedResource:
    """A resource for comparison with conditions.

    Attributes:
        fields: Its type, name, group and location.
        tags: Its tags.
    """

    fields: Mapping[Field, str]
    tags: Mapping[str, str]


def parse_filter(
    text: str | None, allowed: Sequence[Field] = RESOURCE_FIELDS
) -> tuple[Condition, ...]:
    """Read a filter; an empty or blank one has no conditions.

    Raises:
        ArmError: 400: It has another grammar, or a field that is not *allowed*.
    """
    if text is None or not text.strip():
        return ()
    conditions: list[Condition] = []
    position = 0
    while True:
        match = _CONDITION.match(text, position)
        if match is None or len(conditions) == MAX_CONDITIONS:
            raise _refusal(text[position:], allowed)
        conditions.append(_condition(match, allowed))
        if match.end() == len(text):
            return tuple(conditions)
        joint = _AND.match(text, match.end())
        if joint is None:
            raise _refusal(text[match.end() :], allowed)
        position = joint.end()


def matches(conditions: Sequence[Condition], resource: ComparedResource) -> bool:
    """Whether *resource* meets all conditions."""
    tags = {name.lower(): value for name, value in resource.tags.items()}
    wanted = {each.value for each in conditions if each.field is Field.TAG_NAME}
    return all(_meets(each, resource, tags, wanted) for each in conditions)


def _meets(
    condition: Condition, resource: ComparedResource, tags: Mapping[str, str], wanted: set[str]
) -> bool:
    match condition.field:
        case Field.TAG_NAME if condition.is_prefix:
            return any(name.startswith(condition.value) for name in tags)
        case Field.TAG_NAME:
            return condition.value in tags
        case Field.TAG_VALUE:
            of_them = [value for name, value in tags.items() if not wanted or name in wanted]
            return condition.value in of_them
        case _:
            return condition.value == resource.fields[condition.field].lower()


def _condition(match: re.Match[str], allowed: Sequence[Field]) -> Condition:
    if match["field"] is None:
        return Condition(Field.TAG_NAME, _unquoted(match["prefix"]).lower(), is_prefix=True)
    fields = {field.lower(): field for field in allowed}
    field = fields.get(match["field"].lower())
    if field is None:
        raise _refusal(match["field"], allowed)
    value = _unquoted(match["value"])
    return Condition(field, value if field is Field.TAG_VALUE else value.lower())


def _unquoted(text: str) -> str:
    return text.replace("''", "'")


def _refusal(rest: str, allowed: Sequence[Field]) -> ArmError:
    return invalid_filter(
        f"cannot be read at '{rest.strip()[:64]}'; write up to {MAX_CONDITIONS} times"
        f" FIELD eq 'VALUE', joined by 'and', where FIELD is one of {', '.join(allowed)}"
    )
