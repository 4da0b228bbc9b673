"""The tutorial, told in the console: a webhook is made, checked, changed, pinged and deleted."""

import asyncio
import re
from pathlib import Path

from playwright.async_api import Page, Route, expect

from tests.authorities import authority, server_context, tls_server
from tests.browser.asking import config_of, webhook_names, webhook_of
from tests.installation import Client, push_event
from tests.sink import Answer, Sink, eventually


async def test_a_webhook_is_created_by_the_form(page: Page, client: Client, sink: Sink) -> None:
    registry = await client.new_registry()
    await page.goto(f"/console/registries/{registry}")
    await page.get_by_role("link", name="Add webhook").click()

    await page.get_by_label("Webhook name").fill("newhook")
    await page.get_by_label("Service URI").fill(f"{sink.url}/new")
    await page.get_by_label("Custom headers").fill("X-Team: harbour\nX-Token: s3cret: with colons")
    await page.get_by_label("delete", exact=True).check()
    await page.get_by_label("Scope", exact=True).fill("team/app:*")
    await page.locator("details.more > summary").click()
    await page.get_by_label("v1: a shared secret").check()
    await page.get_by_role("button", name="Create").click()

    await expect(page.get_by_role("heading", level=1)).to_have_text("newhook")
    await expect(page.locator("#notice")).to_contain_text("newhook was created")
    await expect(page.locator("#secret")).to_have_text(re.compile("^whsec_"))
    made = await webhook_of(client, registry, "newhook")
    assert sorted(made["actions"]) == ["delete", "push"]
    assert made["scope"] == "team/app:*"
    assert made["status"] == "enabled"
    config = await config_of(client, registry, "newhook")
    assert config["serviceUri"] == f"{sink.url}/new"
    assert config["customHeaders"]["X-Token"] == "s3cret: with colons"

    await page.reload()
    await expect(page.locator("#secret")).to_have_count(0)  # shown once


async def test_a_mistake_is_shown_at_its_field_while_one_types(page: Page, client: Client) -> None:
    registry = await client.new_registry()
    await client.put_webhook(registry, "thereis", "http://127.0.0.1:9/")
    await page.goto(f"/console/registries/{registry}/webhooks/new")

    for label, wrong, said, right in (
        ("Webhook name", "a b", "letters and digits", "goodname"),
        ("Webhook name", "thereis", "already", "goodname"),
        ("Service URI", "ftp://example.com", "http", "https://example.com/hook"),
        ("Custom headers", "no colon here", "Key: value", "X-Team: harbour"),
        ("Scope", "UPPER//case", "", "team/app:*"),
    ):
        field = page.get_by_label(label, exact=True)
        problem = page.locator(f"#{await field.get_attribute('id')}-problem")
        await field.fill(wrong)
        await expect(field).to_have_attribute("aria-invalid", "true")
        await expect(problem).to_contain_text(said or re.compile("."))
        await field.fill(right)
        await expect(field).not_to_have_attribute("aria-invalid", "true")
        await expect(problem).to_have_text("")


async def test_a_button_does_not_move_away_while_it_is_pressed(page: Page, client: Client) -> None:
    registry = await client.new_registry()
    await page.goto(f"/console/registries/{registry}/webhooks/new")
    await page.wait_for_load_state("networkidle")  # the parts that the form asks for are there
    field, problem = page.get_by_label("Custom headers"), page.locator("#headers-problem")
    button = page.get_by_role("button", name="Create")
    await field.fill("no colon here")
    await button.scroll_into_view_if_needed()  # filling has scrolled to the field
    place = await button.bounding_box()
    assert place is not None
    await page.mouse.move(place["x"] + place["width"] / 2, place["y"] + 2)

    await press_until_checked(page)
    assert await button.bounding_box() == place
    await page.mouse.move(0, 0)  # she thinks better of it
    await page.mouse.up()
    await expect(problem).to_contain_text("Key: value")
    await expect(field).to_have_attribute("aria-invalid", "true")
    assert await button.bounding_box() != place

    await field.fill("X-Team: harbour")
    await expect(problem).to_have_text("")
    await field.fill("no colon here")
    await button.scroll_into_view_if_needed()
    place = await button.bounding_box()
    assert place is not None
    await page.mouse.move(place["x"] + place["width"] / 2, place["y"] + 2)
    await press_until_checked(page)
    await page.mouse.up()
    await expect(page.locator("#problems")).to_contain_text("Key: value")


async def test_a_checkbox_is_clicked_though_a_check_comes_back_meanwhile(
    page: Page, client: Client
) -> None:
    registry = await client.new_registry()
    await page.goto(f"/console/registries/{registry}/webhooks/new")
    await page.wait_for_load_state("networkidle")
    box = page.get_by_label("push", exact=True)
    await box.scroll_into_view_if_needed()
    before = await box.is_checked()
    await page.get_by_label("Custom headers").fill("no colon here")
    place = await box.bounding_box()
    assert place is not None
    await page.mouse.move(place["x"] + place["width"] / 2, place["y"] + 2)

    await press_until_checked(page)
    assert await box.bounding_box() == place
    await page.mouse.up()
    await expect(box).to_be_checked(checked=not before)
    await expect(page.locator("#headers-problem")).to_contain_text("Key: value")


async def press_until_checked(page: Page) -> None:
    """Press the mouse's button, and hold it until the answer to what was typed is there."""
    async with page.expect_response("**/check?field=headers*") as answer:
        await page.mouse.down()
    await (await answer.value).finished()
    await page.wait_for_timeout(300)


async def test_a_form_with_mistakes_comes_back_with_what_was_typed(
    page: Page, client: Client
) -> None:
    registry = await client.new_registry()
    await page.goto(f"/console/registries/{registry}/webhooks/new")
    await page.get_by_label("Webhook name").fill("wrong")
    await page.get_by_label("Service URI").fill("not a uri")
    await page.get_by_label("Custom headers").fill("X-Team: harbour\n<b>bold</b>: no")
    await page.get_by_label("push", exact=True).uncheck()
    await page.get_by_label("Off", exact=True).check()
    await page.get_by_label("Scope", exact=True).fill("team/app:v1")
    await page.get_by_role("button", name="Create").click()

    await expect(page.locator("#problems")).to_be_visible()
    for name in ("uri", "headers", "actions"):
        await expect(page.locator(f"#{name}")).to_have_attribute("aria-invalid", "true")
        await expect(page.locator(f"#{name}-problem")).to_have_text(re.compile("."))
    await expect(page.get_by_label("Webhook name")).to_have_value("wrong")
    await expect(page.get_by_label("Service URI")).to_have_value("not a uri")
    await expect(page.get_by_label("Custom headers")).to_have_value(
        "X-Team: harbour\n<b>bold</b>: no"
    )
    await expect(page.get_by_label("Scope", exact=True)).to_have_value("team/app:v1")
    await expect(page.get_by_label("Off", exact=True)).to_be_checked()
    await expect(page.get_by_label("push", exact=True)).not_to_be_checked()
    assert await webhook_names(client, registry) == []

    # The list of problems leads to the fields.
    await page.locator("#problems").get_by_role("link", name="Service URI").click()
    await expect(page.get_by_label("Service URI")).to_be_focused()


async def test_a_scope_shows_which_of_the_last_events_it_would_match(
    page: Page, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    await client.put_webhook(registry, "evernew", f"{sink.url}/scope")
    await asyncio.sleep(2)
    await client.publish(
        registry,
        [push_event("team/app", "v1"), push_event("team/app", "v2"), push_event("other", "v1")],
    )
    await sink.until(3)
    tried = page.locator("#scope-test")

    async def are_known() -> bool:  # the journal is seconds behind
        await page.goto(f"/console/registries/{registry}/webhooks/new")
        await expect(tried).to_have_text(re.compile("."))
        return bool(await tried.locator("li").count() == 3)

    await eventually(are_known, within_s=30, what="three events to try scopes on")
    await page.get_by_label("Scope", exact=True).fill("team/app:*")
    await expect(tried).to_contain_text("would have matched 2")
    await page.get_by_label("Scope", exact=True).fill("team/app:v2")
    await expect(tried).to_contain_text("would have matched 1")
    await expect(tried.locator("li.match")).to_contain_text("team/app:v2")
    await page.get_by_label("push", exact=True).uncheck()
    await page.get_by_label("delete", exact=True).check()
    await expect(tried).to_contain_text("would have matched 0")
    await page.get_by_label("push", exact=True).check()
    await page.get_by_label("delete", exact=True).uncheck()

    # Patterns narrow it, are checked while they are typed, and say why.
    await page.get_by_label("Scope", exact=True).fill("")
    scopes = page.get_by_label("Scopes not in ACR")
    await scopes.fill("**\nteam//x")
    await expect(page.locator("#scopes-problem")).to_contain_text("character 6 of 'team//x'")
    await scopes.fill("**:v*\n!team/*:v2")
    await expect(page.locator("#scopes-problem")).to_be_empty()
    await expect(tried).to_contain_text("would have matched 2")
    await expect(tried.locator("li.match").first).to_contain_text("by **:v*")
    await expect(tried.locator("li.miss")).to_contain_text("!team/*:v2: team/app:v2 matches")
    await page.get_by_label("Webhook name").fill("globhook")
    await page.get_by_label("Service URI").fill(f"{sink.url}/globs")
    await page.get_by_role("button", name="Create").click()
    await expect(page.locator("dl.properties")).to_contain_text("**:v*, !team/*:v2")
    made = await webhook_of(client, registry, "globhook")
    assert made["portcall"]["scopes"] == ["**:v*", "!team/*:v2"]


async def test_filters_are_tried_on_the_last_events_before_they_are_saved(
    page: Page, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    await client.put_webhook(registry, "evernew", f"{sink.url}/filters")
    await asyncio.sleep(2)
    referrer = f"sha256-{'ab' * 32}"
    events = [push_event("team/app", "v1"), push_event("team/app", referrer)]
    await client.publish(registry, [*events, push_event("team/app", "v1")])
    await sink.until(3)
    tried = page.locator("#scope-test")

    async def are_known() -> bool:  # the journal is seconds behind
        await page.goto(f"/console/registries/{registry}/webhooks/new")
        await expect(tried).to_have_text(re.compile("."))
        return bool(await tried.locator("li").count() == 3)

    await eventually(are_known, within_s=30, what="three events to try filters on")
    await expect(tried).to_contain_text("would have matched 3")
    await page.get_by_label("No signatures, attestations and SBOMs").check()
    await expect(tried).to_contain_text("would have matched 2")
    await expect(tried.locator("li.miss")).to_contain_text("noReferrers")
    await page.get_by_label("type: helm").check()
    await expect(tried).to_contain_text("would have matched 0")
    await page.get_by_label("type: helm").uncheck()

    await page.get_by_label("Webhook name").fill("filtered")
    await page.get_by_label("Service URI").fill(f"{sink.url}/filtered")
    await page.get_by_role("button", name="Create").click()
    await expect(page.locator("#notice")).to_contain_text("was created")
    await expect(page.get_by_label("Properties")).to_contain_text("noReferrers")
    made = await webhook_of(client, registry, "filtered")
    assert made["portcall"]["filters"] == {"noReferrers": True}
    await page.goto(f"/console/registries/{registry}/webhooks/filtered/edit")
    await expect(page.get_by_label("No signatures, attestations and SBOMs")).to_be_checked()
    await page.get_by_label("No signatures, attestations and SBOMs").uncheck()
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#notice")).to_contain_text("was changed")
    assert "filters" not in (await webhook_of(client, registry, "filtered"))["portcall"]


async def test_a_webhook_is_changed(page: Page, client: Client) -> None:
    registry = await client.new_registry()
    await client.put_webhook(
        registry, "oldhook", "http://127.0.0.1:9/old", customHeaders={"X-Old": "1"}, scope="old:*"
    )
    await page.goto(f"/console/registries/{registry}/webhooks/oldhook")
    await page.get_by_role("link", name="Edit").click()

    await expect(page.get_by_label("Service URI")).to_have_value("http://127.0.0.1:9/old")
    await expect(page.get_by_label("Custom headers")).to_have_value("X-Old: 1")
    await page.get_by_label("Service URI").fill("http://127.0.0.1:9/new")
    await page.get_by_label("Custom headers").fill("X-New: 2")
    await page.get_by_label("Scope", exact=True).fill("")
    await page.get_by_role("button", name="Save").click()

    await expect(page.locator("#notice")).to_contain_text("was changed")
    config = await config_of(client, registry, "oldhook")
    assert config["serviceUri"] == "http://127.0.0.1:9/new"
    assert config["customHeaders"] == {"X-New": "2"}
    assert (await webhook_of(client, registry, "oldhook")).get("scope", "") == ""


async def test_an_endpoint_behind_mutual_tls_is_set_up_by_the_form(
    page: Page, client: Client, tmp_path: Path
) -> None:
    registry = await client.new_registry()
    ca = authority()
    identity = ca.issue("portcall")
    with tls_server(server_context(tmp_path, ca.issue(), clients=ca)) as server:
        await client.put_webhook(registry, "innerhook", server.url)
        await page.goto(f"/console/registries/{registry}/webhooks/innerhook/edit")
        await page.get_by_text("Signature, retries, limits and TLS").click()
        await page.get_by_label("Certificate authorities").fill(ca.pem)
        await page.get_by_label("Client certificate").fill("hello")
        await expect(page.locator("#client_certificate-problem")).to_contain_text("no certificate")
        await page.get_by_label("Client certificate").fill(identity.pem)
        await expect(page.locator("#client_certificate-problem")).to_have_text("")
        await page.get_by_label("Client key").fill(identity.key_pem)
        await page.get_by_role("button", name="Save").click()

        await expect(page.locator("#notice")).to_contain_text("was changed")
        await expect(page.get_by_label("Properties")).to_contain_text("CN=portcall")
        await page.get_by_role("button", name="Ping").click()
        await eventually(lambda: len(server.requests) == 1, within_s=20, what="the ping arrives")
        await page.get_by_role("link", name="Edit").click()
        await page.get_by_text("Signature, retries, limits and TLS").click()
        await expect(page.get_by_label("Client certificate")).to_have_value(identity.pem)
        await expect(page.get_by_label("Client key")).to_have_value("")
    assert server.clients == ["((('commonName', 'portcall'),),)"]


async def test_a_ping_shows_its_request_and_its_response(
    page: Page, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    await client.put_webhook(
        registry, "pinghook", f"{sink.url}/ping", customHeaders={"X-Team": "harbour"}
    )
    sink.always("/ping", Answer(202, b'{"queued": true}', {"Content-Type": "application/json"}))
    await page.goto(f"/console/registries/{registry}/webhooks/pinghook")
    await page.get_by_role("button", name="Ping").click()

    ping = page.locator("#ping")
    await expect(ping.get_by_role("region", name="Response")).to_contain_text("202")
    await expect(ping.get_by_role("region", name="Response")).to_contain_text('"queued": true')
    request = ping.get_by_role("region", name="Request")
    await expect(request).to_contain_text(f"{sink.url}/ping")
    await expect(request).to_contain_text("harbour")
    await expect(request).to_contain_text('"action": "ping"')
    [post] = sink.at("/ping")
    assert post.json["action"] == "ping"


async def test_a_webhook_is_disabled_and_enabled(page: Page, client: Client) -> None:
    registry = await client.new_registry()
    await client.put_webhook(registry, "switched", "http://127.0.0.1:9/")
    await page.goto(f"/console/registries/{registry}/webhooks/switched")

    await page.get_by_role("button", name="Disable").click()
    await expect(page.locator("#notice")).to_contain_text("disabled")
    assert (await webhook_of(client, registry, "switched"))["status"] == "disabled"
    await expect(page.get_by_role("button", name="Ping")).to_have_count(0)

    await page.get_by_role("button", name="Enable").click()
    await expect(page.locator("#notice")).to_contain_text("enabled")
    assert (await webhook_of(client, registry, "switched"))["status"] == "enabled"


async def test_a_webhook_is_deleted_after_a_question(page: Page, client: Client) -> None:
    registry = await client.new_registry()
    await client.put_webhook(registry, "goodbye", "http://127.0.0.1:9/")
    await page.goto(f"/console/registries/{registry}/webhooks/goodbye")

    await page.get_by_role("link", name="Delete").click()
    await page.get_by_role("link", name="Cancel").click()
    assert await webhook_names(client, registry) == ["goodbye"]

    await page.get_by_role("link", name="Delete").click()
    await page.get_by_role("button", name="Delete").click()
    await expect(page.locator("#notice")).to_contain_text("goodbye was deleted")
    assert await webhook_names(client, registry) == []


async def test_a_registry_is_created_and_deleted(page: Page, client: Client) -> None:
    await page.goto("/console/registries")
    await page.get_by_label("Registry name").fill("no")
    await page.get_by_role("button", name="Create").click()
    await expect(page.get_by_label("Registry name")).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_label("Registry name")).to_have_value("no")

    await page.get_by_label("Registry name").fill("madehere")
    await page.get_by_role("button", name="Create").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("madehere")
    assert (await client.manage("GET", client.registry_path("madehere")))[0] == 200

    await page.get_by_role("link", name="Delete registry").click()
    await page.get_by_role("button", name="Delete").click()
    await expect(page.locator("#name-problem")).to_contain_text("madehere")
    await page.get_by_label(re.compile("to confirm")).fill("madehere")
    await page.get_by_role("button", name="Delete").click()
    await expect(page.locator("#notice")).to_contain_text("madehere was deleted")
    assert (await client.manage("GET", client.registry_path("madehere")))[0] == 404


async def test_a_list_is_narrowed(page: Page, client: Client) -> None:
    registry = await client.new_registry()
    await client.put_webhook(registry, "alphahook", "http://127.0.0.1:9/", scope="team/app:*")
    await client.put_webhook(registry, "betahook", "http://127.0.0.1:9/", status="disabled")
    await page.goto(f"/console/registries/{registry}")
    names = page.locator("table.webhooks tbody th a")

    await expect(names).to_have_text(["alphahook", "betahook"])
    await page.get_by_label("Filter", exact=True).fill("TEAM/")
    await expect(names).to_have_text(["alphahook"])
    await page.get_by_label("Filter", exact=True).fill("")
    await page.get_by_text("Disabled", exact=False).first.click()
    await expect(names).to_have_text(["betahook"])
    await page.reload()  # the address says what is shown
    await expect(names).to_have_text(["betahook"])


async def test_many_are_turned_page_by_page(page: Page, client: Client) -> None:
    registry = await client.new_registry()
    for number in range(53):
        await client.put_webhook(registry, f"hook{number:04d}", "http://127.0.0.1:9/")
    await page.goto(f"/console/registries/{registry}")
    names = page.locator("table.webhooks tbody th a")
    turns = page.get_by_role("navigation", name="Pages of webhooks")

    await expect(names).to_have_count(50)
    await expect(turns).to_contain_text("1 to 50 of 53")
    await turns.get_by_role("link", name="Next").click()
    await expect(names).to_have_text(["hook0050", "hook0051", "hook0052"])
    await page.get_by_label("Filter", exact=True).fill("hook001")
    await expect(names).to_have_count(10)
    await expect(turns).to_have_count(0)
    await page.get_by_label("Filter", exact=True).fill("")
    await expect(names).to_have_count(50)
    await turns.get_by_role("link", name="Next").click()
    await turns.get_by_role("link", name="Previous").click()
    await expect(names.first).to_have_text("hook0000")


async def test_a_filter_that_is_typed_before_the_scripts_are_there_is_applied(
    page: Page, client: Client
) -> None:
    registry = await client.new_registry()
    for name in ("alphahook", "betahook"):
        await client.put_webhook(registry, name, "http://127.0.0.1:9/")
    typed = asyncio.Event()

    async def late(route: Route) -> None:
        await typed.wait()
        await route.continue_()

    await page.route("**/htmx.min*.js*", late)
    await page.goto(f"/console/registries/{registry}", wait_until="commit")
    await page.get_by_label("Filter", exact=True).fill("beta")
    typed.set()
    await expect(page.locator("table.webhooks tbody th a")).to_have_text(["betahook"])
    await expect(page).to_have_url(re.compile("q=beta"))


async def test_what_the_receiver_refuses_is_shown_apart_from_failures(
    page: Page, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    await page.goto(f"/console/registries/{registry}/webhooks/new")
    await page.get_by_label("Webhook name").fill("refusing")
    await page.get_by_label("Service URI").fill(f"{sink.url}/refusing")
    await page.get_by_text("Signature, retries, limits and TLS").click()
    answers = page.get_by_label("Final answers", exact=True)
    await answers.fill("503")
    await expect(page.locator("#final_answers-problem")).to_contain_text("503 cannot be final")
    await answers.fill("receiver-refuses")
    await expect(page.locator("#final_answers-problem")).to_have_text("")
    await page.get_by_role("button", name="Create").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("refusing")
    await expect(page.locator("dl.properties")).to_contain_text("Final answersreceiver-refuses")

    sink.always("/refusing", 404)
    await asyncio.sleep(2)  # in force
    await client.publish(registry, [push_event()])

    async def is_listed() -> bool:
        return bool(await client.list_events(registry, "refusing"))

    await eventually(is_listed, within_s=20, what="the record is listed")
    await page.goto(f"/console/registries/{registry}/webhooks/refusing?outcome=refused")
    row = page.locator("#records tbody.record")
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text("Refused")
    await expect(row).to_contain_text("404")
    await row.locator("time").first.click()
    await expect(page.locator("main")).to_contain_text("Refused by the receiver")
    await page.get_by_role("button", name="Resend").click()
    await sink.until(2, path="/refusing")
