"""What a reader sees and may not do."""

import pytest

from portcall.store.access.principals import Role
from tests.integration.console.site import ALPHA, CONSOLE, HOOK, SOURCE, Browser, Site
from tests.integration.console.test_forgery import FORMS, state

HARMLESS = {f"{CONSOLE}/sign-out"}
LOOKING = [
    CONSOLE,
    f"{CONSOLE}/overview/now",
    f"{CONSOLE}/overview/series",
    f"{CONSOLE}/registries",
    ALPHA,
    HOOK,
    f"{ALPHA}/webhooks/Off001",
    f"{HOOK}/records/1",
    f"{ALPHA}/sources",
    SOURCE,
]
FOR_OTHERS = [f"{ALPHA}/delete", f"{ALPHA}/webhooks/new", f"{HOOK}/edit", f"{HOOK}/delete"]
FOR_OTHERS += [f"{HOOK}/rotate", f"{SOURCE}/rotate"]
FOR_OTHERS += [f"{ALPHA}/add-source", f"{SOURCE}/edit", f"{SOURCE}/delete"]


@pytest.fixture
async def reader(site: Site) -> Browser:
    site.add_source()
    _, secret = site.principal(Role.READER)
    return await site.browser.sign_in(secret)


@pytest.mark.parametrize("path", LOOKING)
async def test_a_reader_looks_and_sees_no_button_that_changes_something(
    reader: Browser, path: str
) -> None:
    page = await reader.get(path)
    assert page.status == 200
    if "series" in path:
        return
    forms = [each["action"] for each in page.root.all("form") if each.attributes.get("method")]
    assert set(forms) <= HARMLESS
    links = {each["href"] for each in page.root.all("a")}
    assert not links & set(FOR_OTHERS)


@pytest.mark.parametrize("path", FOR_OTHERS)
async def test_a_page_for_changing_is_not_for_readers(reader: Browser, path: str) -> None:
    page = await reader.get(path)
    assert page.status == 403
    assert "role reader" in page.said


async def test_a_readers_forms_are_refused(site: Site, reader: Browser) -> None:
    before = state(site)
    for path in set(FORMS) - HARMLESS:
        page = await reader.post(path, {"name": "Alpha"})
        assert page.status == 403, path
        assert "role reader" in page.said
    assert state(site) == before


async def test_a_reader_is_not_told_the_whole_uri_or_the_headers(reader: Browser) -> None:
    page = await reader.get(HOOK)
    assert "https://example.com" in page.said
    for hidden in ("/hook", "u:p", "dTpw"):
        assert f"example.com{hidden}" not in page.text
        assert f"{hidden}@" not in page.text


async def test_an_administrator_is_told_it(site: Site) -> None:
    browser = await site.browser.sign_in()
    assert "https://u:p@example.com/hook" in (await browser.get(HOOK)).said
