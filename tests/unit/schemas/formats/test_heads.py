"""The headers that each POST of a format has, and what filters add to an example's payload."""

import json

import pytest

from portcall.schemas import examples
from portcall.schemas.filters import Filters
from portcall.schemas.formats.chosen import chosen_for
from portcall.schemas.formats.heads import OURS, USER_AGENT, common_headers
from portcall.schemas.formats.results import Rendered

ACRS = {"Content-Type": "application/json; charset=utf-8", "User-Agent": USER_AGENT}


@pytest.mark.parametrize(
    ("stored", "headers"),
    [
        (None, ACRS),
        ({"name": "of-a-newer-version"}, ACRS),
        ({"name": "slack"}, ACRS | {"User-Agent": OURS}),
        (
            {"name": "ghcr"},
            {
                "Content-Type": "application/json",
                "User-Agent": f"GitHub-Hookshot/1.0 ({OURS})",
                "X-GitHub-Hook-ID": "7",
            },
        ),
        (
            {"name": "eventgrid"},
            {
                **ACRS,
                "User-Agent": OURS,
                "aeg-subscription-name": "CI01HOOK",
                "aeg-data-version": "1.0",
                "aeg-metadata-version": "1",
            },
        ),
        (
            {"name": "cloudevents", "origin": "hooks.example.com"},
            {
                "Content-Type": "application/cloudevents+json; charset=utf-8",
                "User-Agent": OURS,
                "WebHook-Request-Origin": "hooks.example.com",
            },
        ),
    ],
    ids=lambda value: (value or {}).get("name", "acr"),
)
def test_each_format_has_its_headers(
    stored: dict[str, str] | None, headers: dict[str, str]
) -> None:
    assert common_headers(chosen_for(stored, None), 7, "ci01hook") == headers


@pytest.mark.parametrize(
    "filters", [Filters(coalesce="1m"), Filters(tags_on_delete=True)], ids=["children", "tags"]
)
def test_acrs_headers_stay_with_filters_that_add_to_its_payload(filters: Filters) -> None:
    form = chosen_for(None, filters)
    assert form is not None
    assert common_headers(form, 7, "ci01hook") == ACRS


def test_filters_that_only_hold_back_need_no_form() -> None:
    assert chosen_for(None, Filters(tagged_only=True)) is None


def test_examples_have_what_filters_add() -> None:
    form = chosen_for(None, Filters(coalesce="1m", tags_on_delete=True))
    assert form is not None
    index, gone = (form.render(each) for each in (examples.index_event(), examples.delete_event()))
    assert isinstance(index, Rendered)
    assert isinstance(gone, Rendered)
    children = json.loads(index.body)["portcall"]["children"]
    assert [each["platform"] for each in children] == ["linux/amd64", "linux/arm64"]
    assert json.loads(gone.body)["portcall"] == {"tags": ["v1", "latest"]}
