"""Service URIs that the console's form sets reach a receiver that signs its URLs byte for byte."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.asking import config_of
from tests.browser.visiting import House, sign_in
from tests.installation import Client, Installation
from tests.integration.deliverer.endpoints import Endpoint
from tests.signedtargets import RESTS, is_signed, signed, signed_targets, target_of
from tests.sink import eventually

EDITED = ["no path", "escapes that need not be", "broken escapes", "dots", "escaped dots", "signs"]


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[Endpoint]:
    async with signed_targets() as serving:
        yield serving


@pytest_asyncio.fixture(loop_scope="session")
async def scriptless(house: House, visits: AsyncExitStack, pipeline: Installation) -> Page:
    """The administrator, in a browser that runs no scripts."""
    page: Page = await visits.enter_async_context(house.visit(java_script_enabled=False))
    await sign_in(page, pipeline.ready["token"])
    return page


async def test_a_uri_that_the_form_sets_arrives_as_it_was_set(
    page: Page, client: Client, receiver: Endpoint
) -> None:
    await fill_in(page, client, receiver)


async def test_a_uri_that_the_form_sets_without_scripts_arrives_as_it_was_set(
    scriptless: Page, client: Client, receiver: Endpoint
) -> None:
    await fill_in(scriptless, client, receiver)


async def fill_in(page: Page, client: Client, receiver: Endpoint) -> None:
    """Create a webhook, change its URI, and ping it each time."""
    registry = await client.new_registry()
    host = f"http://127.0.0.1:{receiver.port}"
    sent = []

    async def fill(label: str, rest: str, button: str) -> None:
        uri = f"{host}{signed(rest)}"
        await page.get_by_label("Service URI").fill(uri)
        await page.get_by_role("button", name=button).click()
        await expect(page.locator("#notice")).to_contain_text("formhook")
        assert (await config_of(client, registry, "formhook"))["serviceUri"] == uri, label
        await expect(page.get_by_text(uri, exact=True)).to_be_visible()
        await page.get_by_role("button", name="Ping").click()
        sent.append(signed(rest))
        await eventually(
            lambda: len(receiver.requests) >= len(sent), within_s=20, what="the ping arrived"
        )
        assert [target_of(each) for each in receiver.requests] == sent
        assert all(map(is_signed, receiver.requests))

    await page.goto(f"/console/registries/{registry}/webhooks/new")
    await page.get_by_label("Webhook name").fill("formhook")
    label, *_ = RESTS
    await fill(label, RESTS[label], "Create")
    for name in EDITED:
        await page.goto(f"/console/registries/{registry}/webhooks/formhook/edit")
        shown = page.get_by_label("Service URI")
        await expect(shown).to_have_value(f"{host}{sent[-1]}")  # what is saved again stays
        await fill(name, RESTS[name], "Save")


async def test_a_character_that_no_uri_may_have_is_told_by_its_place(
    page: Page, client: Client
) -> None:
    registry = await client.new_registry()
    await page.goto(f"/console/registries/{registry}/webhooks/new")
    await page.get_by_label("Service URI").fill("https://h.example/a b")
    problem = page.locator("#uri-problem")
    await expect(problem).to_contain_text("contains a space at character 20; write %20")
