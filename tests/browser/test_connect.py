"""A registry is connected from the console, and its page turns green by itself."""

from playwright.async_api import Page, expect

from tests.installation import Client, push_event


async def test_a_registry_is_connected_from_its_page(page: Page, client: Client) -> None:
    registry = await client.new_registry()
    await page.goto(f"/console/registries/{registry}")
    await page.get_by_role("link", name="Connect", exact=True).click()
    await expect(page.locator("#set-up")).to_contain_text("Bearer SECRET")
    await expect(page.locator("#connected")).to_contain_text("Waiting for the first event")

    await page.get_by_role("button", name="Create token").click()
    secret = await page.locator("#secret").inner_text()
    await expect(page.locator("#set-up")).to_contain_text(f"Bearer {secret}")

    status, _ = await client.publish(registry, [push_event(tag="v1")])
    assert status == 202
    await expect(page.locator("#connected")).to_contain_text("Connected.")


async def test_the_bare_address_is_the_console(page: Page) -> None:
    await page.goto("/")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


async def test_a_row_opens_wherever_it_is_clicked(page: Page, client: Client) -> None:
    registry = await client.new_registry()
    await client.put_webhook(registry, "rowhook", "http://127.0.0.1:1/nothing")
    await page.goto(f"/console/registries/{registry}/webhooks/rowhook")
    status, _ = await client.publish(registry, [push_event(tag="v1")])
    assert status == 202
    row = page.locator("tbody.record").first
    await row.locator("td").nth(2).click()
    await expect(row.locator(".detail")).to_be_visible()
    await expect(row.locator(".detail")).to_contain_text("webhook-id")


async def test_the_field_of_a_registrys_size_shows_its_whole_value(page: Page) -> None:
    await page.goto("/console/registries")
    field = page.locator("#sku")
    # A select shows no ellipsis: its text needs the room that the widest option has by itself.
    widths = await field.evaluate(
        """(it) => {
            const copy = it.cloneNode(true);
            copy.style.width = "max-content";
            it.after(copy);
            const widths = [it.offsetWidth, copy.offsetWidth];
            copy.remove();
            return widths;
        }"""
    )
    assert widths[0] >= widths[1]


async def test_the_tiles_beside_the_live_rows_are_live(page: Page, client: Client) -> None:
    registry = await client.new_registry()
    await client.put_webhook(registry, "tilehook", "http://127.0.0.1:1/nothing")
    await page.goto(f"/console/registries/{registry}/webhooks/tilehook")
    attempts = page.locator("#tiles .tile").nth(1).locator(".big")
    await expect(attempts).to_have_text("0")
    status, _ = await client.publish(registry, [push_event(tag="v1")])
    assert status == 202
    await expect(attempts).not_to_have_text("0")
