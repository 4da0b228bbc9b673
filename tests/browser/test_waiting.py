"""A delivery that waits: one row with its attempts, its reason, and the button that tries it now."""

from playwright.async_api import Page, expect

from portcall.cli.ports import free_ports
from tests.browser.asking import is_listed
from tests.browser.test_deliveries import watch
from tests.installation import Client, push_event
from tests.sink import Sink

LONG_REPOSITORY = "team/platform/observability/a-repository-with-a-very-long-name-for-a-list"
LATER = {"retrySchedule": ["1h", "2h"]}


async def test_a_waiting_delivery_is_tried_now(page: Page, client: Client, sink: Sink) -> None:
    registry = await client.new_registry()
    webhook = await client.new_webhook(registry, f"{sink.url}/now", portcall=LATER)
    sink.answer("/now", 503, 200)
    await client.publish(registry, [push_event("team/app", "v1")])
    await is_listed(client, registry, webhook, 1)
    await page.goto(f"/console/registries/{registry}/webhooks/{webhook}")
    rows = page.locator("tbody.record")
    for text in ("Will retry", "503"):
        await expect(rows).to_contain_text(text)
    await rows.locator("td").nth(2).click()  # anywhere in the row
    await rows.get_by_role("button", name="Try now").click()

    await expect(page.get_by_role("status").first).to_contain_text("Attempt 2 is made now")
    await expect(page.locator(".timeline > li:not(.next)")).to_have_count(2)
    await expect(page.locator(".head").get_by_text("Delivered", exact=True)).to_be_visible()
    await expect(page.get_by_role("button", name="Try now")).to_have_count(0)
    assert [post.delivery_id for post in sink.posts] == [sink.posts[0].delivery_id] * 2


async def test_after_another_failure_the_schedule_goes_on(
    page: Page, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    webhook = await client.new_webhook(registry, f"{sink.url}/bad", portcall=LATER)
    sink.always("/bad", 500)
    await client.publish(registry, [push_event("team/app", "v1")])
    await is_listed(client, registry, webhook, 1)
    await page.goto(f"/console/registries/{registry}/webhooks/{webhook}")
    await page.locator("tbody.record").get_by_role("link").click()
    steps = page.locator(".timeline > li:not(.next)")
    await expect(page.locator(".timeline > .next")).to_contain_text("in 59 min")
    for attempts in (2, 3):
        await page.get_by_role("button", name="Try now").click()
        await expect(steps).to_have_count(attempts)
        if attempts == 2:
            await expect(page.locator(".timeline > .next")).to_contain_text("in 1 h")
    await expect(page.locator(".head").get_by_text("Given up", exact=True)).to_be_visible()
    assert len(sink.posts) == 3


async def test_a_delivery_is_one_row_with_its_attempts(
    page: Page, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    webhook = await client.new_webhook(
        registry, f"{sink.url}/fold", portcall={"retrySchedule": ["1s", "1s", "1h"]}
    )
    sink.answer("/fold", 500, 502, 503)
    await watch(page, registry, webhook)
    await client.publish(registry, [push_event("team/app", "v1")])
    rows = page.locator("tbody.record")
    await sink.until(3)
    await expect(rows).to_contain_text("503")
    await expect(rows).to_have_count(1)
    await is_listed(client, registry, webhook, 3)
    await page.reload()
    await expect(rows).to_have_count(1)
    await rows.get_by_role("button", name="Request and response").click()
    attempts = rows.get_by_role("group", name="Attempts of this delivery")
    await expect(attempts).to_contain_text("3 attempts")
    await attempts.get_by_role("button", name="Attempt 1").click()
    await expect(rows.get_by_role("region", name="Response")).to_contain_text("500")
    await expect(attempts.get_by_role("button", name="Attempt 1")).to_have_attribute(
        "aria-pressed", "true"
    )


async def test_a_row_says_why_nothing_was_answered(page: Page, client: Client) -> None:
    registry = await client.new_registry()
    (port,) = free_ports(1)
    webhook = await client.new_webhook(registry, f"http://127.0.0.1:{port}/hook", portcall=LATER)
    await client.publish(registry, [push_event("team/app", "v1")])
    await is_listed(client, registry, webhook, 1)
    await page.goto(f"/console/registries/{registry}/webhooks/{webhook}")
    await expect(page.locator("tbody.record")).to_contain_text("connection refused")
    await page.goto(f"/console/registries/{registry}")
    row = page.locator(".webhooks tbody tr")
    for text in ("Will retry, attempt 1: connection refused",):
        await expect(row).to_contain_text(text)


async def test_long_texts_are_cut_in_their_middle_and_spoil_no_list(
    page: Page, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    tag = "release-2026.11.29-build.4711"
    webhook = await client.new_webhook(
        registry, f"{sink.url}/long", scope=f"{LONG_REPOSITORY}:*", portcall=LATER
    )
    sink.always("/long", 500)
    await client.publish(registry, [push_event(LONG_REPOSITORY, tag)])
    await is_listed(client, registry, webhook, 1)
    for width in (1440, 390):
        await page.set_viewport_size({"width": width, "height": 844})
        for path in (
            f"/console/registries/{registry}",
            f"/console/registries/{registry}/webhooks/{webhook}",
        ):
            await page.goto(path)
            overflow = "document.documentElement.scrollWidth - innerWidth"
            assert await page.evaluate(overflow) <= 0, (width, path)
            for box in await page.locator(".scroll:visible").all():
                assert await box.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, (width, path)
        end = page.locator("tbody.record .fitted:visible", has_text=tag).locator("span").nth(1)
        await expect(end).to_have_text(f":{tag}")
        await end.scroll_into_view_if_needed()
        await expect(end).to_be_in_viewport()
