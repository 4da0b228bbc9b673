"""The form of a webhook: what it says of each format, without a server and without scripts."""

import pytest

from portcall.management.console.assets import Assets
from portcall.management.console.pages import Pages
from portcall.management.console.session.notices import Notices
from portcall.management.console.session.sealing import Seal
from portcall.management.http.settings import SETTINGS
from portcall.schemas.formats.table import ACR, FORMATS, Format
from tests.integration.console.document import Element, parse

PAGES = Pages(Assets(), Notices(object.__new__(Seal)))  # nothing is sealed here
ALL = (ACR, *FORMATS.values())


def shown(chosen: str) -> Element:
    return parse(
        PAGES.text_of(
            "format-facts.html",
            acr=ACR,
            formats=tuple(FORMATS.values()),
            settings=SETTINGS,
            values={"format": chosen},
        )
    )


def names_all(text: str, form: Format) -> bool:
    """Whether *text* has the receivers, the refusals, and each setting with its meaning."""
    settings = [f"{each.name}: {each.says}" for each in form.options]
    return all(part in text for part in (form.takers, form.refusals, *settings))


@pytest.mark.parametrize("form", ALL, ids=lambda form: form.name.value)
def test_the_list_of_formats_says_of_each_who_takes_it(form: Format) -> None:
    chosen = "" if form is ACR else form.name.value
    (block,) = shown("").all("dd", data_format=chosen)
    assert names_all(block.text, form)


@pytest.mark.parametrize("form", ALL, ids=lambda form: form.name.value)
def test_the_chosen_format_is_explained_beside_its_field(form: Format) -> None:
    chosen = "" if form is ACR else form.name.value
    text = shown(chosen).by_id("format-hint").text
    assert names_all(text, form)
    others = (each for each in ALL if each is not form)
    assert not any(each.takers in text for each in others)


def test_a_format_that_is_not_known_is_explained_as_none() -> None:
    assert ACR.takers in shown("slak").by_id("format-hint").text
