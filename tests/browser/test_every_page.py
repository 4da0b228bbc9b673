"""What holds for every page: WCAG 2.2 AA in both themes, narrow screens, and calm for whoever asks."""

import json
from collections.abc import Mapping

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.accessibility import check
from tests.browser.asking import is_listed
from tests.installation import Client, push_event
from tests.sink import Answer, serve_sink

PAGES = {
    "overview": "",
    "registries": "/registries",
    "webhooks": "/registries/{registry}",
    "no webhooks": "/registries/{empty}",
    "a new webhook": "/registries/{registry}/webhooks/new",
    "a webhook": "/registries/{registry}/webhooks/{webhook}",
    "a webhook that fails": "/registries/{registry}/webhooks/{failing}",
    "no records": "/registries/{registry}/webhooks/{webhook}?repository=no/such",
    "edit": "/registries/{registry}/webhooks/{webhook}/edit",
    "delete a webhook": "/registries/{registry}/webhooks/{webhook}/delete",
    "sources": "/registries/{registry}/sources",
    "no sources": "/registries/{empty}/sources",
    "a new source": "/registries/{registry}/add-source",
    "a source": "/registries/{registry}/sources/{source}",
    "delete a source": "/registries/{registry}/sources/{source}/delete",
    "delete a registry": "/registries/{registry}/delete",
    "a delivery": "/registries/{registry}/webhooks/{webhook}/deliveries/{event}",
    "a failed delivery": "/registries/{registry}/webhooks/{failing}/deliveries/{event}",
    "an event": "/registries/{registry}/events/{event}",
    "dead letters": "/dead-letters?registry={registry}",
    "dead letters that do not fit": "/dead-letters?registry={registry}&reason=no-such-reason",
    "a filter that makes no sense": "/dead-letters?webhook={webhook}",
    "unrouted": "/dead-letters?queue=unrouted",
    "a dead letter": "/dead-letters/{letter}",
    "nothing there": "/registries/nosuch",
}
LONG = "a/very/long/" + "/".join(["repository-name-without-end"] * 6)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def names(client: Client) -> Mapping[str, str]:
    """A registry with what pages can show: a webhook that works, one that fails, long names."""
    registry, empty = await client.new_registry(), await client.new_registry()
    async with serve_sink() as sink:
        sink.always("/good", Answer(200, json.dumps({"words": "long " * 100}).encode()))
        sink.always("/bad", 500)
        await client.put_webhook(
            registry,
            "w" * 50,
            f"{sink.url}/good?{'q' * 300}",
            scope=f"{LONG}:*",
            customHeaders={"X-Long": "h" * 300},
        )
        failing = await client.new_webhook(registry, f"{sink.url}/bad")
        await client.publish(registry, [push_event(LONG, "t" * 128, id="an-event")])
        await is_listed(client, registry, "w" * 50, 1)
        await is_listed(client, registry, failing, 4)
    source = {"kind": "generic", "options": {"repository": "names.repository"}}
    path = f"{client.registry_path(registry)}/sources/{'s' * 50}"
    status, made = await client.manage("PUT", path, {"properties": source})
    assert status == 201, made
    _, page = await client.manage("GET", f"/portcall/deadLetters?registry={registry}")
    return {
        "letter": page["value"][0]["id"],
        "registry": registry,
        "empty": empty,
        "webhook": "w" * 50,
        "failing": failing,
        "event": "an-event",
        "source": "s" * 50,
    }


async def open_everything(page: Page) -> None:
    """Open the first row and whatever else is folded, so that it is looked at, too."""
    for opener in (await page.get_by_role("button", name="Request and response").all())[:1]:
        await opener.click()
        await expect(page.locator(".detail").get_by_role("region", name="Request")).to_be_visible()
    await page.evaluate("document.querySelectorAll('details').forEach((it) => { it.open = true; })")


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())
async def test_a_page_is_accessible_and_narrow(
    path: str, page: Page, names: Mapping[str, str]
) -> None:
    await page.goto("/console" + path.format(**names))
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await open_everything(page)
    await check(page)


async def test_the_sign_in_page_is_too(stranger: Page) -> None:
    await stranger.goto("/console/sign-in")
    await check(stranger)
    await stranger.get_by_label("Token").fill("wrong")
    await stranger.get_by_role("button", name="Sign in").click()
    await expect(stranger.locator("#token-problem")).to_contain_text("No such token")
    await check(stranger)


async def test_a_form_with_mistakes_is_too(page: Page, names: Mapping[str, str]) -> None:
    await page.goto(f"/console/registries/{names['registry']}/webhooks/new")
    await page.get_by_label("Custom headers").fill("wrong\n" + "x" * 400)
    await page.get_by_role("button", name="Create").click()
    await expect(page.locator("#problems")).to_be_visible()
    await open_everything(page)
    await check(page)


async def test_a_form_of_a_source_with_mistakes_is_too(
    page: Page, names: Mapping[str, str]
) -> None:
    await page.goto(f"/console/registries/{names['registry']}/add-source")
    await page.get_by_label("Kind").select_option("gar")
    await expect(page.get_by_label("Issuer")).to_be_visible()
    await page.get_by_label("Networks").fill("x" * 400)
    await page.get_by_role("button", name="Create").click()
    await expect(page.locator("#problems")).to_be_visible()
    await check(page)


async def test_a_theme_that_was_chosen_stays(page: Page) -> None:
    await page.emulate_media(color_scheme="light")
    await page.goto("/console")
    background = "getComputedStyle(document.body).backgroundColor"
    light = await page.evaluate(background)
    button = page.get_by_role("button", name="Theme")
    await button.click()
    await button.click()
    await expect(button).to_have_accessible_name("Theme: dark")
    dark = await page.evaluate(background)
    assert dark != light
    await page.goto("/console/registries")
    assert await page.evaluate(background) == dark


CUT = """all => all.flatMap((it) => [...it.children])
  .filter((it) => it.clientWidth && it.scrollWidth > it.clientWidth).length"""
"""How many parts of texts do not fit in their boxes; those of a flowing text have none."""


async def test_a_reason_is_read_whole_on_a_narrow_screen(
    page: Page, names: Mapping[str, str]
) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto(f"/console/dead-letters?registry={names['registry']}")
    reasons = page.locator("#letters .reason")
    await expect(reasons.first).to_be_visible()
    assert await reasons.evaluate_all(CUT) == 0


async def test_what_needs_attention_is_read_as_text_on_a_narrow_screen(
    page: Page, names: Mapping[str, str]
) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto("/console")
    letters = page.locator("#attention li", has_text="dead letters")
    await expect(letters).to_be_visible()
    mark, link = letters.locator(".mark"), letters.get_by_role("link")
    tops = [await each.evaluate("it => it.getClientRects()[0].top") for each in (mark, link)]
    assert abs(tops[0] - tops[1]) < 12  # the text begins beside its mark
