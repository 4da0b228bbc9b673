"""Everything without a mouse: the order of Tab, a focus that can be seen, and every step of a job."""

from playwright.async_api import Page, expect

from tests.browser.asking import is_listed, webhook_names
from tests.installation import Client, Installation, push_event
from tests.sink import Sink

FOCUS = """() => {
  const it = document.activeElement;
  if (!it || it === document.body) return null;
  const style = getComputedStyle(it), box = it.getBoundingClientRect();
  const label = it.closest("label");
  const ring = (one) => one && (parseFloat(one.outlineWidth) > 0 && one.outlineStyle !== "none" || one.boxShadow !== "none");
  const beside = label && getComputedStyle(label.querySelector("span") || label);
  return {
    what: `${it.tagName} ${it.id || it.name || it.textContent.trim().slice(0, 30)}`,
    ring: Boolean(ring(style) || ring(beside) || (label && ring(getComputedStyle(label)))),
    seen: (label || it).getBoundingClientRect().width > 1 && box.bottom > 0 && box.top < innerHeight,
  };
}"""


async def tab_to(page: Page, name: str, role: str = "link") -> None:
    """Press Tab until the element of that name has the focus."""
    wanted = page.get_by_role(role, name=name, exact=True).first
    await expect(wanted).to_be_visible()
    for _ in range(80):
        if await wanted.evaluate("it => it === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {name}")


async def test_tab_goes_through_a_page_in_the_order_of_reading_and_can_be_seen(
    page: Page, client: Client
) -> None:
    registry = await client.new_registry()
    await client.put_webhook(registry, "keyhook", "http://127.0.0.1:9/")
    for path in (
        "",
        "/registries",
        f"/registries/{registry}",
        f"/registries/{registry}/webhooks/keyhook",
        f"/registries/{registry}/webhooks/new",
    ):
        await page.goto(f"/console{path}")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        seen = []
        for _ in range(60):
            focus = await page.evaluate(FOCUS)
            if focus is None:
                break
            assert focus["ring"] and focus["seen"], (path, focus)
            seen.append(focus["what"])
            await page.keyboard.press("Tab")
        assert len(seen) > 5, seen


async def test_the_content_is_one_key_away(page: Page) -> None:
    await page.goto("/console/registries")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#main")).to_be_focused()


async def test_a_whole_job_by_keyboard(
    stranger: Page, pipeline: Installation, client: Client, sink: Sink
) -> None:
    page = stranger
    registry = await client.new_registry()
    await page.goto(f"/console/sign-in?next=/console/registries/{registry}")
    await expect(page.get_by_label("Token")).to_be_focused()
    await page.keyboard.type(pipeline.ready["token"])
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", level=1)).to_have_text(registry)
    await tab_to(page, "Add webhook")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Add webhook")
    await tab_to(page, "Webhook name", "textbox")
    await page.keyboard.type("keyedin")
    await page.keyboard.press("Tab")
    await page.keyboard.type(f"{sink.url}/key")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", level=1)).to_have_text("keyedin")
    await tab_to(page, "Ping", "button")
    await page.keyboard.press("Enter")
    await sink.until(1)
    await expect(page.locator("#ping").get_by_role("region", name="Response")).to_contain_text(
        "200"
    )
    await expect(page.locator("tbody.record").first).to_be_visible()
    await tab_to(page, "Request and response", "button")
    await page.keyboard.press("Enter")
    await expect(
        page.locator(".detail").get_by_role("region", name="Request").first
    ).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.locator("tbody.record a").first).to_be_focused()

    await tab_to(page, "Delete")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Delete the webhook")
    await tab_to(page, "Cancel")
    await page.keyboard.press("Enter")
    assert await webhook_names(client, registry) == ["keyedin"]
    await tab_to(page, "Delete")
    await page.keyboard.press("Enter")
    await tab_to(page, "Delete", "button")
    await page.keyboard.press("Enter")
    await expect(page.locator("#notice")).to_contain_text("was deleted")
    assert await webhook_names(client, registry) == []


async def test_rows_that_arrive_do_not_take_the_focus_away(
    page: Page, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    webhook = await client.new_webhook(registry, f"{sink.url}/focus")
    await client.publish(registry, [push_event(tag="first")])
    await is_listed(client, registry, webhook, 1)
    await page.goto(f"/console/registries/{registry}/webhooks/{webhook}")
    await expect(page.locator("#live-state")).to_have_text("Live")
    opener = page.get_by_role("button", name="Request and response")
    await opener.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".detail").get_by_role("region", name="Request")).to_be_visible()
    await client.publish(registry, [push_event(tag="second")])

    await expect(page.locator("tbody.record")).to_have_count(2)
    await expect(opener.last).to_be_focused()
    await expect(page.locator(".detail").get_by_role("region", name="Request")).to_be_visible()
