"""Connecting a registry: the address, the lines of its configuration, its token, its first event."""

import re

import pytest

from portcall.runtime.clock import now_ms
from portcall.schemas.journal import accepted
from portcall.store.access.principals import Role
from tests.integration.console.site import ALPHA, CONSOLE, PRODUCER_URL, Browser, Site, serving
from tests.unit.store.contract.notes import event, note

CONNECT = f"{ALPHA}/connect"


async def test_the_page_has_the_lines_of_the_registrys_configuration(browser: Browser) -> None:
    page = await browser.get(CONNECT)
    lines = page.root.by_id("set-up").text
    assert f"url: {PRODUCER_URL}/registries/Alpha/notifications" in lines
    assert "Authorization: [Bearer SECRET]" in lines
    assert "Waiting for the first event of Alpha." in page.said
    assert "portcall doctor names refused requests" in page.said
    assert CONNECT in (await browser.get(ALPHA)).text
    assert "--network host" not in page.text


async def test_a_producer_on_this_machine_has_a_hint_for_registries_in_containers(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.integration.console.site.PRODUCER_URL", "http://127.0.0.1:8401")
    async with serving(site.store) as here:
        browser = await here.browser.sign_in()
        assert "--network host" in (await browser.get(CONNECT)).text


async def test_a_token_is_created_there_and_stands_in_the_lines_once(
    site: Site, browser: Browser
) -> None:
    await browser.get(CONNECT)
    page = await browser.follow(await browser.post(CONNECT, {"name": "alpha-events"}))
    found = re.search(r"Bearer ([^\]]+)\]", page.root.by_id("set-up").text)
    assert found is not None and found[1] == page.root.by_id("secret").text
    (made,) = [each for each in site.store.principals.list() if each.name == "alpha-events"]
    assert (made.role, made.registry) == (Role.PUBLISHER, "alpha")
    again = await browser.get(CONNECT)
    assert found[1] not in again.text
    assert "Bearer SECRET" in again.root.by_id("set-up").text


@pytest.mark.parametrize("name", ["alpha-events", ""])
async def test_a_token_that_cannot_be_is_told_beside_its_field(
    site: Site, browser: Browser, name: str
) -> None:
    await browser.get(CONNECT)
    await browser.post(CONNECT, {"name": "alpha-events"})
    refused = await browser.post(CONNECT, {"name": name})
    assert refused.status in (400, 409)
    assert refused.problem("name")
    named = [each.name for each in site.store.principals.list()]
    assert named.count("alpha-events") == 1 and "" not in named


async def test_it_turns_green_with_the_first_event(site: Site, browser: Browser) -> None:
    assert "every 2s" in (await browser.get(f"{CONNECT}/state")).text
    note(site.store, accepted(event("e-1", registry="alpha", accepted_ms=now_ms())))
    state = await browser.get(f"{CONNECT}/state")
    assert "Connected. The last event came" in state.said
    assert "every 2s" not in state.text
    assert "Connected." in (await browser.get(CONNECT)).said


async def test_a_reader_sees_the_lines_and_creates_no_token(site: Site) -> None:
    _, secret = site.principal(Role.READER)
    async with site.stranger() as reader:
        await reader.sign_in(secret)
        page = await reader.get(CONNECT)
        assert page.root.by_id("set-up").text
        assert "Create token" not in page.said
        assert (await reader.post(CONNECT, {"name": "mine"})).status == 403


@pytest.mark.parametrize(
    ("accept", "status"), [("text/html,*/*;q=0.8", 303), ("application/json", 401), ("*/*", 401)]
)
async def test_the_bare_address_leads_a_browser_to_the_console(
    site: Site, accept: str, status: int
) -> None:
    page = await site.browser.get("/", Accept=accept)
    assert page.status == status
    if status == 303:
        assert page.location == CONSOLE
