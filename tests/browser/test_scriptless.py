"""The same jobs in a browser that runs no scripts."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest_asyncio
from playwright.async_api import Page, expect

from portcall.schemas.formats.table import ACR, FORMATS
from tests.browser.asking import config_of, webhook_names
from tests.browser.visiting import House, sign_in
from tests.installation import Client, Installation, push_event
from tests.sink import Sink, eventually


@pytest_asyncio.fixture(loop_scope="session")
async def page(house: House, visits: AsyncExitStack) -> AsyncIterator[Page]:
    """Somebody who has not signed in and runs no scripts."""
    yield await visits.enter_async_context(house.visit(java_script_enabled=False))


async def test_the_tutorial_without_scripts(
    page: Page, client: Client, pipeline: Installation, sink: Sink
) -> None:
    registry = await client.new_registry()
    await sign_in(page, "wrong")
    await expect(page.locator("#token-problem")).to_contain_text("No such token")
    await sign_in(page, pipeline.ready["token"])
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")

    await page.get_by_role("link", name="Registries").click()
    await page.get_by_role("link", name=registry).click()
    await page.get_by_role("link", name="Add webhook").click()
    await page.locator(".more > summary", has_text="Format").click()
    await page.locator("summary", has_text="Every format").click()
    for form in (ACR, *FORMATS.values()):
        await expect(page.locator("#formats")).to_contain_text(form.takers)
    await page.get_by_label("Webhook name").fill("plain")
    await page.get_by_label("Service URI").fill("nowhere")
    await page.get_by_role("button", name="Create").click()
    await expect(page.locator("#uri-problem")).to_have_text(re.compile("."))
    await expect(page.get_by_label("Webhook name")).to_have_value("plain")
    await page.get_by_label("Service URI").fill(f"{sink.url}/plain")
    await page.get_by_role("button", name="Create").click()
    await expect(page.locator("#notice")).to_contain_text("plain was created")

    await page.get_by_role("link", name="Edit").click()
    await page.get_by_label("Custom headers").fill("X-Plain: yes")
    await page.get_by_role("button", name="Save").click()
    assert (await config_of(client, registry, "plain"))["customHeaders"] == {"X-Plain": "yes"}

    await page.get_by_role("button", name="Ping").click()
    await sink.until(1)
    again = page.get_by_role("link", name="Look again")
    response = page.locator("#ping").get_by_role("region", name="Response")
    await expect(again.or_(response).first).to_be_visible()
    for _ in range(50):
        if await response.is_visible():
            break
        await page.reload()
    await expect(response).to_contain_text("200")

    await page.get_by_role("combobox", name="Status").select_option("5xx error")
    await page.get_by_role("button", name="Filter").click()
    await expect(page.get_by_role("heading", name="No match")).to_be_visible()
    await page.get_by_role("link", name="Show all").click()
    await page.locator("tbody.record").get_by_role("link").first.click()
    await page.get_by_text("Request and response").click()
    await expect(page.get_by_role("region", name="Request")).to_be_visible()

    await page.goto(f"/console/registries/{registry}/webhooks/plain")
    await page.get_by_role("button", name="Disable").click()
    await page.get_by_role("button", name="Enable").click()
    await page.get_by_role("link", name="Delete").click()
    await page.get_by_role("button", name="Delete").click()
    assert await webhook_names(client, registry) == []
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Token")).to_be_visible()


async def test_a_source_without_scripts(page: Page, client: Client, pipeline: Installation) -> None:
    registry = await client.new_registry()
    await sign_in(page, pipeline.ready["token"])
    await page.goto(f"/console/registries/{registry}/sources")
    await page.get_by_role("link", name="Add source").click()
    await page.get_by_label("Kind").select_option("zot")
    await page.get_by_label("Source name").fill("mine")
    await page.get_by_role("button", name="Show the fields").click()
    await page.get_by_label("Proof").select_option("basic")
    await page.get_by_role("button", name="Show the fields").click()
    await page.get_by_label("User").fill("zot")
    await page.get_by_role("button", name="Create").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("mine")
    secret = await page.locator("#secret").inner_text()
    await expect(page.locator("#set-up")).to_contain_text(secret)
    await page.get_by_role("link", name="Delete").click()
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("heading", name="No source yet")).to_be_visible()


async def test_the_code_of_a_link_signs_in_without_scripts(
    page: Page, pipeline: Installation
) -> None:
    code, out, err = await pipeline.portcall("console", "-o", "json")
    assert code == 0, err
    link: str = json.loads(out)["url"]
    await page.goto(link)
    await page.get_by_label("Token").fill(link.partition("#link=")[2])
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()


async def test_dead_letters_without_scripts(
    page: Page, client: Client, pipeline: Installation, sink: Sink
) -> None:
    registry = await client.new_registry()
    sink.always(f"/{registry}", 500)
    await client.new_webhook(registry, f"{sink.url}/{registry}")
    await client.publish(registry, [push_event(id=f"{registry}-{number}") for number in range(3)])

    async def dead(count: int) -> bool:
        _, found = await client.manage("GET", f"/portcall/deadLetters?registry={registry}")
        return bool(found["counts"]["letters"] == count)

    await eventually(lambda: dead(3), within_s=40, what="three dead letters")
    sink.always(f"/{registry}", 200)
    await sign_in(page, pipeline.ready["token"])
    await page.get_by_role("link", name="Dead letters").first.click()
    await page.get_by_label("Registry").fill(registry)
    await page.get_by_role("button", name="Filter").click()
    await page.get_by_role("checkbox").first.check()
    await page.get_by_role("button", name="Resend selected").click()
    await expect(page.locator("#notice")).to_contain_text("1 sent again")
    await page.get_by_role("checkbox").first.check()
    await page.get_by_role("button", name="Purge selected").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Purge 1 letter?")
    await page.get_by_role("button", name="Purge").click()
    await expect(page.locator("#notice")).to_contain_text("1 letter purged")
    await page.get_by_role("button", name="Resend all 1").click()
    await expect(page.locator("#notice")).to_contain_text("1 sent again")
    await eventually(lambda: dead(0), within_s=10, what="none is left")

    async def posted() -> bool:
        return sum(post.path == f"/{registry}" for post in sink.posts) == 3 * 4 + 2

    await eventually(posted, within_s=10, what="a POST for each attempt, and for each resend")
