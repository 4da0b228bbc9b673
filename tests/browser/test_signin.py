"""Who is let in, with what cookie, and what a reader may do."""

import asyncio
import json
import re
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, expect
from yarl import URL

from tests.browser.conftest import token_of
from tests.browser.visiting import House, sign_in
from tests.installation import Client, Installation

WRONG = "pct_0000000000000000000000000000000000000000"


async def test_an_unknown_token_is_refused_at_its_field(stranger: Page) -> None:
    await sign_in(stranger, WRONG)

    field = stranger.get_by_label("Token")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(stranger.locator("#token-problem")).to_contain_text("No such token")
    await expect(field).to_have_value("")
    assert WRONG not in await stranger.content()
    await stranger.goto("/console/registries")
    await expect(stranger).to_have_url(re.compile(r"/console/sign-in\?next="))


async def test_a_publisher_is_told_that_there_is_nothing_to_see(
    stranger: Page, pipeline: Installation, client: Client
) -> None:
    registry = await client.new_registry()
    await sign_in(stranger, await token_of(pipeline, "--role", "publisher", "-r", registry))

    await expect(stranger.locator("#token-problem")).to_contain_text("publisher")


async def test_who_signs_in_comes_to_where_they_wanted_and_leaves_again(
    stranger: Page, pipeline: Installation
) -> None:
    await stranger.goto("/console/registries")
    await stranger.get_by_label("Token").fill(pipeline.ready["token"])
    await stranger.get_by_role("button", name="Sign in").click()

    await expect(stranger).to_have_url(re.compile("/console/registries$"))
    cookies = await stranger.context.cookies()
    assert [(cookie["httpOnly"], cookie["sameSite"]) for cookie in cookies] == [(True, "Strict")]
    assert pipeline.ready["token"] not in str(cookies)
    assert await stranger.evaluate("document.cookie") == ""

    await stranger.get_by_role("button", name="Sign out").click()
    await expect(stranger).to_have_url(re.compile("/console/sign-in"))
    # Neither the old cookie nor the browser's memory of pages lets anybody back in.
    await stranger.context.add_cookies([{**cookie} for cookie in cookies])
    await stranger.goto("/console/registries")
    await expect(stranger).to_have_url(re.compile("/console/sign-in"))
    await stranger.go_back()
    await expect(stranger.get_by_role("button", name="Sign out")).to_have_count(0)


async def link_of(pipeline: Installation) -> str:
    code, out, err = await pipeline.portcall("console", "-o", "json")
    assert code == 0, err
    url: str = json.loads(out)["url"]
    return url


async def test_a_link_signs_in_once_and_leaves_no_trace(
    stranger: Page, house: House, visits: AsyncExitStack, pipeline: Installation
) -> None:
    link = await link_of(pipeline)
    secret = link.partition("#link=")[2]
    asked: list[str] = []
    stranger.on("request", lambda request: asked.append(f"{request.url} {request.headers}"))
    await stranger.goto(link)

    await expect(stranger).to_have_url(re.compile("/console$"))
    await expect(stranger.get_by_role("button", name="Sign out")).to_be_visible()
    assert not [each for each in asked[1:] if secret in each]
    assert secret not in await stranger.content()
    await stranger.go_back()
    assert secret not in stranger.url

    second = await visits.enter_async_context(house.visit())
    await second.goto(link)
    await expect(second.locator("#token-problem")).to_contain_text("used already")
    assert secret not in second.url + await second.content()


async def test_a_link_opened_by_somebody_who_is_in_is_off_the_address_at_once(
    stranger: Page, pipeline: Installation
) -> None:
    await sign_in(stranger, pipeline.ready["token"])
    await expect(stranger).to_have_url(re.compile("/console$"))
    await stranger.goto(await link_of(pipeline))
    await expect(stranger).to_have_url(re.compile("/console$"))


PAGES_OF_A_READER = (
    "",
    "/registries",
    "/registries/{registry}",
    "/registries/{registry}/webhooks/{webhook}",
)


@pytest.mark.parametrize("path", PAGES_OF_A_READER)
async def test_a_reader_is_offered_nothing_that_changes_something(
    path: str, readers_page: Page, client: Client
) -> None:
    registry = await client.new_registry()
    await client.put_webhook(registry, "readhook", "http://127.0.0.1:9/secret-path?key=hidden")
    await readers_page.goto("/console" + path.format(registry=registry, webhook="readhook"))

    await expect(readers_page.get_by_role("heading", level=1)).to_be_visible()
    buttons = await readers_page.locator("form[method=post] button").all_inner_texts()
    assert buttons == ["Sign out"]
    for word in ("Add", "Add webhook", "Edit", "Delete", "Delete registry"):
        await expect(readers_page.get_by_role("link", name=word, exact=True)).to_have_count(0)
    assert "hidden" not in await readers_page.locator("main").inner_text()
    assert "secret-path" not in await readers_page.content()


@pytest.mark.parametrize("path", ["/webhooks/new", "/webhooks/readhook/edit", "/delete"])
async def test_a_reader_who_knows_the_address_of_a_form_is_refused(
    path: str, readers_page: Page, client: Client
) -> None:
    registry = await client.new_registry()
    await client.put_webhook(registry, "readhook", "http://127.0.0.1:9/")
    answer = await readers_page.goto(f"/console/registries/{registry}{path}")

    assert answer is not None and answer.status == 403
    await expect(readers_page.get_by_role("heading", level=1)).to_have_text("Not allowed")
    await expect(readers_page.locator("main form")).to_have_count(0)


@pytest.mark.parametrize("notices", ["a check while typing", "the button"])
async def test_a_form_of_an_expired_session_is_filled_again_after_the_sign_in(
    page: Page, pipeline: Installation, client: Client, notices: str
) -> None:
    registry = await client.new_registry()
    await page.goto(f"/console/registries/{registry}/webhooks/new")
    await page.get_by_label("Webhook name").fill("latehook")
    await page.get_by_label("Service URI").fill("https://ci.example.com/hook")
    await page.get_by_label("delete", exact=True).check()
    await page.wait_for_load_state("networkidle")  # the checks of what was filled in so far
    await page.context.clear_cookies()
    if notices == "the button":
        await page.get_by_role("button", name="Create").click()
    else:
        await page.get_by_label("Scope", exact=True).fill("team/app:*")

    await expect(page.get_by_text("What you had filled in is kept")).to_be_visible()
    await page.get_by_label("Token").fill(pipeline.ready["token"])
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(re.compile(f"/console/registries/{registry}/webhooks/new$"))
    await expect(page.get_by_label("Webhook name")).to_have_value("latehook")
    await expect(page.get_by_label("Service URI")).to_have_value("https://ci.example.com/hook")
    await expect(page.get_by_label("delete", exact=True)).to_be_checked()
    scope = "" if notices == "the button" else "team/app:*"
    await expect(page.get_by_label("Scope", exact=True)).to_have_value(scope)
    await expect(page.locator("#toast")).to_contain_text("it is not saved yet")
    await page.get_by_role("button", name="Create").click()
    await expect(page.locator("#notice")).to_contain_text("latehook was created")


@pytest_asyncio.fixture(loop_scope="session")
async def tabs(stranger: Page, pipeline: Installation, client: Client) -> tuple[Page, Page, Page]:
    """Tabs of one browser: the overview, a webhook's live view, and a form with something in it.

    Their session is their own: others share that of `page`, which no test may end.
    """
    registry = await client.new_registry()
    await client.put_webhook(registry, "livehook", "http://127.0.0.1:9/")
    await sign_in(stranger, pipeline.ready["token"])
    await expect(stranger).to_have_url(re.compile("/console$"))
    live, form = await stranger.context.new_page(), await stranger.context.new_page()
    await live.goto(f"/console/registries/{registry}/webhooks/livehook")
    await expect(live.locator("#live-state")).to_have_text("Live")
    await form.goto(f"/console/registries/{registry}/webhooks/new")
    await form.get_by_label("Webhook name").fill("tabhook")
    return stranger, live, form


async def test_signing_out_in_one_tab_leads_every_other_out_and_signing_in_back(
    tabs: tuple[Page, Page, Page], pipeline: Installation
) -> None:
    first, live, form = tabs
    places = [tab.url for tab in (live, form)]
    await first.get_by_role("button", name="Sign out").click()

    for tab in tabs:
        await expect(tab).to_have_url(re.compile("/console/sign-in"))
        await expect(tab.get_by_role("button", name="Sign out")).to_have_count(0)
    await expect(form.get_by_text("What you had filled in is kept")).to_be_visible()

    await first.get_by_label("Token").fill(pipeline.ready["token"])
    await first.get_by_role("button", name="Sign in").click()
    await expect(first).to_have_url(re.compile("/console$"))
    for tab, place in zip((live, form), places, strict=True):
        await expect(tab).to_have_url(place)
    await expect(live.locator("#live-state")).to_have_text("Live")
    await expect(form.get_by_label("Webhook name")).to_have_value("tabhook")


async def test_every_tab_can_be_the_one_that_signs_in_again(
    tabs: tuple[Page, Page, Page], pipeline: Installation
) -> None:
    first, live, form = tabs
    await live.get_by_role("button", name="Sign out").click()
    for tab in tabs:
        await expect(tab).to_have_url(re.compile("/console/sign-in"))

    await form.get_by_label("Token").fill(pipeline.ready["token"])
    await form.get_by_role("button", name="Sign in").click()
    await expect(form.get_by_label("Webhook name")).to_have_value("tabhook")
    for tab in (first, live):
        await expect(tab.get_by_role("button", name="Sign out")).to_be_visible()


async def test_a_tab_that_is_led_out_asks_for_nothing_more(
    tabs: tuple[Page, Page, Page],
) -> None:
    first, live, _ = tabs
    asked: list[str] = []

    async def answer_late(route: Route) -> None:
        await asyncio.sleep(3)  # the overview asks every 2 s
        await route.continue_()

    await first.route(re.compile("/console$"), answer_late)
    first.on("request", lambda request: asked.append(URL(request.url).path))
    await live.get_by_role("button", name="Sign out").click()

    await expect(first).to_have_url(re.compile("/console/sign-in"))
    led = asked[asked.index("/console") :]
    assert "/console/overview/now" not in led
    assert led[:2] == ["/console", "/console/sign-in"]


async def test_a_live_view_that_hears_nothing_of_the_other_tabs_ends_too(
    tabs: tuple[Page, Page, Page],
) -> None:
    first, live, _ = tabs
    await live.add_init_script(
        "window.BroadcastChannel = class { addEventListener() {} postMessage() {} };"
    )
    await live.reload()
    await expect(live.locator("#live-state")).to_have_text("Live")
    await live.route("**/livehook", lambda route: route.abort())  # nor asks anything by itself
    await first.get_by_role("button", name="Sign out").click()

    await expect(live.locator("#live-state")).to_have_text("Ended: signed out")
