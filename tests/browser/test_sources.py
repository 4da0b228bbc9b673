"""A source is made in the console, and what the page says about the sender is done."""

import json
import re

import aiohttp
from playwright.async_api import Page, expect

from tests.installation import Client
from tests.sink import Sink

PUSH = {
    "type": "PUSH_ARTIFACT",
    "occur_at": 1_772_619_630,
    "operator": "somebody",
    "event_data": {
        "resources": [
            {
                "digest": f"sha256:{'ab' * 32}",
                "tag": "v1",
                "resource_url": "harbor.example.com/team/app:v1",
            }
        ],
        "repository": {
            "name": "app", "namespace": "team", "repo_full_name": "team/app",
            "repo_type": "private",
        },
    },
}  # fmt: skip
"""As Harbor 2 sends it."""


async def send(http: aiohttp.ClientSession, address: str, authorization: str) -> int:
    """POST a push as Harbor does."""
    async with http.post(
        address, data=json.dumps(PUSH), headers={"Authorization": authorization}
    ) as answer:
        return answer.status


async def test_a_source_is_made_and_its_sender_set_up(
    page: Page, client: Client, sink: Sink, http: aiohttp.ClientSession
) -> None:
    registry = await client.new_registry()
    await client.put_webhook(registry, "harborhook", f"{sink.url}/harbor")
    await page.goto(f"/console/registries/{registry}")
    await page.get_by_role("link", name="Sources", exact=True).click()
    await expect(page.get_by_role("heading", name="No source yet")).to_be_visible()
    await page.get_by_role("link", name="Add source").click()

    await page.get_by_label("Kind").select_option("generic")
    await expect(page.get_by_label("Repository", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Create").click()
    await expect(page.locator("#option_repository-problem")).to_contain_text("is required")
    await page.get_by_label("Networks").fill("127.0.0.0/8")
    await page.get_by_label("Kind").select_option("harbor")
    await expect(page.get_by_label("Repository", exact=True)).to_have_count(0)
    await expect(page.get_by_label("Proof")).to_have_value("authorization")
    await page.get_by_role("button", name="Create").click()

    await expect(page.get_by_role("heading", level=1)).to_have_text("harbor")
    secret = await page.locator("#secret").inner_text()
    told = await page.locator("#set-up").inner_text()
    found = re.search(r'"address": "([^"]+)", "auth_header": "([^"]+)"', told)
    assert found is not None, told
    assert found[2] == secret
    assert await send(http, found[1], "wrong") == 401
    assert await send(http, found[1], secret) == 200
    await sink.until(1, path="/harbor")

    await page.get_by_role("link", name="Rotate secret").click()
    await page.get_by_role("button", name="Rotate secret").click()
    await expect(page.locator("#notice")).to_contain_text("has a new secret")
    rotated = await page.locator("#secret").inner_text()
    assert rotated != secret
    await page.reload()
    await expect(page.locator("#secret")).to_have_count(0)
    await expect(page.locator("#set-up")).to_contain_text('"auth_header": "SECRET"')

    await page.get_by_role("link", name="Delete").click()
    await page.get_by_role("button", name="Delete").click()
    await expect(page.locator("#notice")).to_contain_text("was deleted")
    await expect(page.get_by_role("heading", name="No source yet")).to_be_visible()
