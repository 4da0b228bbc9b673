"""What people watch: rows as they happen, what was sent and answered, and sending it once more."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest_asyncio
from playwright.async_api import Page, expect

from portcall.cli.demo.sample_registry import (
    RecordedRegistry,
    SampleRegistry,
    have_registry,
    real_registry,
)
from tests.browser.asking import is_listed
from tests.installation import Client, Installation, push_event
from tests.sink import Answer, Sink


@pytest_asyncio.fixture(loop_scope="session")
async def notifying(
    pipeline: Installation, client: Client, http: aiohttp.ClientSession, tmp_path: Path
) -> AsyncIterator[tuple[str, SampleRegistry]]:
    """A registry's name, and the docker-registry that notifies it; or one's recorded words."""
    name = await client.new_registry()
    ready = pipeline.ready
    url = f"{ready['producer_url']}/registries/{name}/notifications"
    if not have_registry():
        yield name, RecordedRegistry(url, ready["token"], http)
        return
    async with real_registry(tmp_path / "registry", url, ready["token"]) as registry:
        yield name, registry


async def watch(page: Page, registry: str, webhook: str) -> None:
    """Open a webhook's page, and wait until it is live."""
    await page.goto(f"/console/registries/{registry}/webhooks/{webhook}")
    await expect(page.locator("#live-state")).to_have_text("Live")


async def test_a_row_appears_when_somebody_pushes(
    page: Page, client: Client, sink: Sink, notifying: tuple[str, SampleRegistry]
) -> None:
    name, registry = notifying
    webhook = await client.new_webhook(name, f"{sink.url}/live", scope="team/app:*")
    await watch(page, name, webhook)
    rows = page.locator("tbody.record")
    await expect(rows).to_have_count(0)

    await registry.push()

    await expect(rows).to_have_count(1)
    for text in ("Delivered", "200", "push", "team/app:v1"):
        await expect(rows.first).to_contain_text(text)
    # A live row opens as any other, though it may not be recorded yet.
    await rows.first.get_by_role("button", name="Request and response").click()
    request = rows.first.get_by_role("region", name="Request")
    await expect(request).to_contain_text('"repository": "team/app"')


async def test_rows_that_came_while_nobody_looked_are_there_afterwards(
    page: Page, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    webhook = await client.new_webhook(registry, f"{sink.url}/pause")
    await watch(page, registry, webhook)
    rows = page.locator("tbody.record")
    pause = page.get_by_role("button", name="Pause")

    await pause.click()
    await expect(page.locator("#live-state")).to_have_text("Live view paused")
    await client.publish(registry, [push_event(tag="paused")])
    await sink.until(1)
    await is_listed(client, registry, webhook, 1)
    await expect(rows).to_have_count(0)

    await page.get_by_role("button", name="Resume").click()
    await expect(page.locator("#live-state")).to_have_text("Live")
    await client.publish(registry, [push_event(tag="onward")])
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text("onward")


async def test_rows_are_filtered_and_the_address_says_how(
    page: Page, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    webhook = await client.new_webhook(registry, f"{sink.url}/filter")
    sink.answer("/filter", 200, 503, 200)
    for tag in ("v1", "v2"):
        await client.publish(registry, [push_event("team/app", tag)])
        await asyncio.sleep(0)
        await sink.until(1 if tag == "v1" else 3)
    await is_listed(client, registry, webhook, 3)
    await page.goto(f"/console/registries/{registry}/webhooks/{webhook}")
    rows = page.locator("tbody.record")
    await expect(rows).to_have_count(2)  # one for each delivery

    await page.get_by_role("combobox", name="Status").select_option("5xx error")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("503")
    await expect(page.locator("#live-state")).to_contain_text("Filtered")
    await expect(page).to_have_url(re.compile("status=5"))
    await page.reload()
    await expect(rows).to_have_count(1)
    await expect(page.get_by_role("combobox", name="Status")).to_have_value("5")

    await page.get_by_role("combobox", name="Status").select_option("Any status")
    await page.get_by_role("combobox", name="Attempt").select_option("Retries")
    await expect(rows).to_have_count(1)
    await page.get_by_role("combobox", name="Attempt").select_option("Any attempt")
    await page.get_by_label("Repository", exact=True).fill("team/app:v1")
    await expect(rows).to_have_count(1)
    await page.get_by_label("Repository", exact=True).fill("no/such")
    await expect(page.get_by_role("heading", name="No match")).to_be_visible()
    await page.get_by_role("link", name="Show all").click()
    await expect(rows).to_have_count(2)


async def test_request_and_response_are_shown_side_by_side_and_copied_as_curl(
    page: Page, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    webhook = await client.new_webhook(
        registry, f"{sink.url}/curl", customHeaders={"X-Words": 'it\'s "quoted" $HOME `id`'}
    )
    answer = Answer(201, b'{"said": ["<b>yes</b>"]}', {"Content-Type": "application/json"})
    sink.always("/curl", answer)
    await client.publish(registry, [push_event("team/app", "v1")])
    await is_listed(client, registry, webhook, 1)
    await page.goto(f"/console/registries/{registry}/webhooks/{webhook}")

    opener = page.get_by_role("button", name="Request and response")
    await opener.click()
    await expect(opener).to_have_attribute("aria-expanded", "true")
    request = page.get_by_role("region", name="Request")
    response = page.get_by_role("region", name="Response")
    await expect(response).to_contain_text('"<b>yes</b>"')
    await expect(request).to_contain_text("webhook-id")
    left, right = await request.bounding_box(), await response.bounding_box()
    assert left and right and left["y"] == right["y"] and left["x"] < right["x"]

    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy as curl").click()
    await expect(page.locator("#toast")).to_have_text("Copied")
    command = await page.evaluate("navigator.clipboard.readText()")
    shell = await asyncio.create_subprocess_exec("sh", "-c", f"{command} --silent --fail")
    assert await shell.wait() == 0
    first, again = await sink.until(2)
    assert again.body == first.body
    assert again.headers["X-Words"] == first.headers["X-Words"]

    await opener.click()
    await expect(request).to_be_hidden()


async def test_a_delivery_is_sent_once_more(page: Page, client: Client, sink: Sink) -> None:
    registry = await client.new_registry()
    webhook = await client.new_webhook(registry, f"{sink.url}/again")
    await client.publish(registry, [push_event("team/app", "v1")])
    await is_listed(client, registry, webhook, 1)
    await page.goto(f"/console/registries/{registry}/webhooks/{webhook}")
    await page.get_by_role("button", name="Request and response").click()
    await page.get_by_role("button", name="Resend").click()

    first, again = await sink.until(2)
    assert (again.delivery_id, again.body) == (first.delivery_id, first.body)
    await expect(page.locator("#notice")).to_be_visible()
    await expect(page.locator(".timeline > li")).to_have_count(2)


async def test_the_life_of_a_delivery_says_why_each_thing_was_done(
    page: Page, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    webhook = await client.new_webhook(registry, f"{sink.url}/life")
    sink.answer("/life", Answer(503, b"busy", {"Retry-After": "2"}), 204)
    await client.publish(registry, [push_event("team/app", "v1")])
    await sink.until(1)
    await is_listed(client, registry, webhook, 1)
    await page.goto(f"/console/registries/{registry}/webhooks/{webhook}")
    await page.locator("tbody.record").get_by_role("link").click()

    # It goes on by itself, without the page being loaded anew.
    steps = page.locator(".timeline > li:not(.next)")
    await expect(steps).to_have_count(2)
    await expect(steps.nth(0)).to_contain_text("503")
    await expect(steps.nth(1)).to_contain_text("204")
    await expect(page.locator(".head").get_by_text("Delivered", exact=True)).to_be_visible()

    await page.get_by_role("link", name="Event", exact=True).click()
    await expect(page.get_by_role("table")).to_contain_text(webhook)
    await expect(page.get_by_role("table")).to_contain_text("Delivered")


async def test_what_was_sent_cannot_become_part_of_the_page(
    page: Page, client: Client, sink: Sink
) -> None:
    evil = "<img src=x onerror=document.title='taken'>"
    registry = await client.new_registry()
    webhook = await client.new_webhook(registry, f"{sink.url}/evil", customHeaders={"X-Evil": evil})
    sink.always(
        "/evil",
        Answer(
            500,
            f"</code></pre><script>document.title='taken'</script>{evil}".encode(),
            {"X-Evil": evil},
        ),
    )
    await watch(page, registry, webhook)
    await client.publish(registry, [push_event("team/app", "v1", request={"useragent": evil})])
    rows = page.locator("tbody.record")
    await expect(rows.first).to_contain_text("500")
    await rows.first.get_by_role("button", name="Request and response").click()

    await expect(page.get_by_role("region", name="Response").first).to_contain_text("onerror")
    assert "taken" not in await page.title()
    assert await page.locator("img[src=x]").count() == 0
    [post] = sink.posts[:1]
    assert json.loads(post.body)["action"] == "push"
