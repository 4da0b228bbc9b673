"""``$filter``: what clients send is understood, the rest is refused."""

import pytest

from portcall.management.http.errors import ArmError
from portcall.management.http.filters import (
    GROUP_FIELDS,
    ComparedResource,
    Field,
    matches,
    parse_filter,
)

TYPE = "Microsoft.ContainerRegistry/registries"
RESOURCE = ComparedResource(
    {
        Field.TYPE: TYPE,
        Field.NAME: "Alpha",
        Field.GROUP: "portcall",
        Field.LOCATION: "westus",
    },
    {"Team": "Web", "it's": "a 'tag'"},
)


@pytest.mark.parametrize(
    ("text", "met"),
    [
        (None, True),
        ("", True),
        (" ", True),
        (f"resourceType eq '{TYPE}'", True),
        (f"RESOURCETYPE  EQ  '{TYPE.upper()}'", True),
        ("resourceType eq 'Microsoft.Storage/storageAccounts'", False),
        ("name eq 'ALPHA'", True),
        ("name eq 'Beta'", False),
        ("name eq ''", False),
        ("location eq 'westus' and resourceGroup eq 'PORTCALL'", True),
        ("location eq 'westus' AND resourceGroup eq 'other'", False),
        ("tagname eq 'team'", True),
        ("tagName eq 'nobody'", False),
        ("tagname eq 'team' and tagvalue eq 'Web'", True),
        ("tagname eq 'team' and tagvalue eq 'web'", False),
        ("tagname eq 'it''s' and tagvalue eq 'Web'", False),
        ("tagname eq 'it''s' and tagvalue eq 'a ''tag'''", True),
        ("tagvalue eq 'Web'", True),
        ("startswith(tagname, 'TE')", True),
        ("startswith( tagname ,'x')", False),
    ],
)
def test_a_filter_is_met_or_not(text: str | None, met: bool) -> None:  # noqa: FBT001 (a table)
    assert matches(parse_filter(text), RESOURCE) is met


@pytest.mark.parametrize(
    "text",
    [
        "name",
        "name eq",
        "name eq Alpha",
        "name eq 'Alpha",
        "name ne 'Alpha'",
        "name eq 'a' or name eq 'b'",
        "name eq 'a' and",
        "name eq 'a' andname eq 'b'",
        "name eq 'a' name eq 'b'",
        "(name eq 'a')",
        "colour eq 'red'",
        "substringof('a', name)",
        "startswith(name, 'a')",
        " and ".join(["name eq 'a'"] * 21),
    ],
)
def test_another_grammar_is_refused(text: str) -> None:
    with pytest.raises(ArmError, match=r"\$filter: cannot be read at .*resourceType") as refusal:
        parse_filter(text)
    assert (refusal.value.status, refusal.value.target) == (400, "$filter")


def test_a_group_is_filtered_by_its_tags_alone() -> None:
    assert parse_filter("tagname eq 'a' and tagvalue eq 'b'", GROUP_FIELDS)
    with pytest.raises(ArmError, match="one of tagName, tagValue"):
        parse_filter("name eq 'a'", GROUP_FIELDS)
