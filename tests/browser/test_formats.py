"""A format in the form: chosen, seen before it is saved, refused at its field, and used by a ping."""

import json

from playwright.async_api import Page, expect

from portcall.schemas.formats.table import ACR, FORMATS
from tests.browser.asking import webhook_of
from tests.installation import Client
from tests.sink import Sink


async def test_a_format_is_previewed_saved_and_pinged(
    page: Page, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    await page.goto(f"/console/registries/{registry}/webhooks/new")
    await page.get_by_label("Webhook name").fill("chathook")
    await page.get_by_label("Service URI").fill(f"{sink.url}/chat")
    await page.locator(".more > summary", has_text="Format").click()
    preview = page.locator("#format-test")
    await expect(preview).to_contain_text("An example")

    await expect(page.locator("#format-hint")).to_contain_text(ACR.refusals)
    await page.get_by_label("Format", exact=True).select_option("cdevents")
    said = page.locator("#format-hint")
    await expect(said).to_contain_text(FORMATS["cdevents"].takers)
    await expect(said).to_contain_text("version: 0.4 (the default) or 0.5")
    await expect(said).not_to_contain_text(ACR.takers)
    await expect(preview).to_contain_text("dev.cdevents.artifact.published.0.2.0")
    await page.get_by_label("Settings of the format").fill("version=0.3")
    await expect(page.locator("#format_options-problem")).to_contain_text("must be 0.4 or 0.5")
    await page.get_by_label("Settings of the format").fill("version=0.5")
    await expect(preview).to_contain_text("dev.cdevents.artifact.published.0.3.0")

    await page.get_by_label("Format", exact=True).select_option("template")
    template = 'template={"said":\n "{{ action }}"}'
    await page.get_by_label("Settings of the format").fill(template)
    await expect(preview).to_contain_text('"said": "push"')
    await page.get_by_role("button", name="Create").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("chathook")
    made = await webhook_of(client, registry, "chathook")
    assert made["portcall"]["format"]["name"] == "template"

    await page.get_by_role("button", name="Ping").click()
    (post,) = await sink.until(1, path="/chat")
    assert json.loads(post.body) == {"said": "ping"}
