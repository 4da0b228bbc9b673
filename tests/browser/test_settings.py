"""What a page says of a webhook's own settings: filters, scopes, format, final answers."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Page, expect

from tests.browser.asking import is_listed
from tests.browser.visiting import House
from tests.installation import IN_FORCE_S, Client, Document, Installation, push_event
from tests.sink import Answer, Sink, eventually

SETTINGS: Document = {
    "filters": {"taggedOnly": True, "noReferrers": True, "artifactTypes": ["image", "index"]},
    "scopes": ["team/**:v[0-9]*", "!team/test/**"],
    "format": {"name": "cloudevents", "mode": "binary"},
    "finalAnswers": "receiver-refuses",
    "rateLimit": 50,
}


async def make(client: Client, registry: str, name: str, uri: str, extras: Document) -> None:
    path = f"{client.registry_path(registry)}/webhooks/{name}"
    properties = {"serviceUri": uri, "actions": ["push"], "portcall": extras}
    status, made = await client.manage("PUT", path, {"location": "local", "properties": properties})
    assert status in {200, 201}, made


async def lines(page: Page, heading: str) -> list[str]:
    """What the properties say under a heading."""
    entry = page.get_by_label("Properties").locator("div", has=page.locator("dt", has_text=heading))
    found: list[str] = await entry.locator("dd").all_inner_texts()
    return found


async def test_a_webhooks_page_says_each_setting_in_the_words_of_its_option(
    page: Page, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    await make(client, registry, "choosy", f"{sink.url}/choosy", SETTINGS)
    await make(client, registry, "plainone", f"{sink.url}/plain", {})
    await page.goto(f"/console/registries/{registry}/webhooks/choosy")
    said = ["taggedOnly noReferrers artifactTypes=image, index"]
    assert await lines(page, "Filters") == said
    assert await lines(page, "Scopes") == ["team/**:v[0-9]*, !team/test/**"]
    assert await lines(page, "Format") == ["cloudevents mode=binary"]
    assert await lines(page, "Final answers") == ["receiver-refuses"]
    assert await lines(page, "Rate limit") == ["50 a second"]
    await page.goto(f"/console/registries/{registry}/webhooks/plainone")
    assert await lines(page, "Filters") == await lines(page, "Scopes") == ["none"]
    assert await lines(page, "Format") == ["acr"]
    assert await lines(page, "Final answers") == ["none, as in ACR"]


async def test_an_events_page_says_what_was_held_back_refused_and_formed(
    page: Page, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    sink.always("/refusing", Answer(400, b"tag cannot be empty"))
    await make(
        client, registry, "tagless", f"{sink.url}/tagless", {"filters": {"noReferrers": True}}
    )
    await make(client, registry, "refusing", f"{sink.url}/refusing", {"finalAnswers": [400]})
    await make(client, registry, "hubform", f"{sink.url}/hub", {"format": {"name": "harbor"}})
    await asyncio.sleep(IN_FORCE_S)
    tag = f"sha256-{'ab' * 32}"
    await client.publish(registry, [push_event("team/app", tag)])
    await is_listed(client, registry, "refusing", 1)
    await is_listed(client, registry, "hubform", 1)
    (record,) = await client.list_events(registry, "refusing")

    async def row(name: str) -> str:
        found = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))
        text: str = await found.inner_text()
        return text

    async def is_told() -> bool:  # the journal is seconds behind
        await page.goto(f"/console/registries/{registry}/events/{record['id']}")
        return "Held back" in await row("tagless")

    await eventually(is_told, within_s=30, what="the event's page says what was held back")
    assert "noReferrers" in await row("tagless")
    assert "Refused" in await row("refusing")
    assert "refused by the receiver: the endpoint answered 400" in await row("refusing")
    assert "Delivered" in await row("hubform")
    await page.goto(f"/console/registries/{registry}/webhooks/refusing")
    tiles = page.get_by_label("Last 24 hours", exact=True)
    await expect(tiles).to_contain_text("refused")
    await expect(page.locator("#records")).to_contain_text("Refused")
    await page.goto(f"/console/registries/{registry}/webhooks/hubform")
    await page.get_by_role("button", name="Request and response").first.click()
    await expect(page.locator(".detail .pane").first).to_contain_text("PUSH_ARTIFACT")


@pytest.mark.parametrize("width", [390, 1440])
async def test_long_settings_do_not_widen_the_page(
    width: int, house: House, visits: AsyncExitStack, pipeline: Installation, client: Client
) -> None:
    registry = await client.new_registry()
    every = ["image", "index", "helm", "signature", "attestation", "sbom", "wasm", "cache"]
    long = {
        "filters": {"taggedOnly": True, "changedOnly": True, "artifactTypes": every},
        "scopes": [f"team{number}/{'a' * 40}/**:v[0-9]*" for number in range(8)],
        "format": {"name": "cloudevents", "source": f"https://registry.example/{'x' * 200}"},
        "finalAnswers": [*range(400, 408), 409, 411, 412, 413, 414, 415, 422],
    }
    await make(client, registry, "longhook", "http://127.0.0.1:9/long", long)
    look = {"viewport": {"width": width, "height": 900}}
    page = await visits.enter_async_context(house.visit(pipeline.ready["token"], **look))
    for path in ("webhooks/longhook", "webhooks/longhook/edit"):
        await page.goto(f"/console/registries/{registry}/{path}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
