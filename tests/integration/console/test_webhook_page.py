"""The page of a webhook: its buttons, its records, the filters."""

import json
from typing import Any

import pytest

from portcall.management.console.views import webhook_pages as webhookpages
from portcall.management.http.defaults import Defaults
from portcall.runtime.clock import now_ms
from portcall.runtime.errors import BrokerError
from portcall.runtime.targets.objection import Targets
from portcall.schemas.extras import Extras
from portcall.schemas.frames import decode_deliveries
from portcall.schemas.records import Detail, Failure, Outcome
from portcall.schemas.webhooks import Cause, Status
from portcall.store.records import scan as walking
from tests.integration.arm.conftest import EVENT_ID
from tests.integration.console.site import ALPHA, HOOK, Browser, Site

OFF = f"{ALPHA}/webhooks/Off001"


def status_of(site: Site, name: str) -> Status:
    row = site.store.webhooks.get("alpha", name)
    assert row is not None
    return row.status


async def test_disabling_and_enabling(site: Site, browser: Browser) -> None:
    page = await browser.follow(await browser.post(f"{HOOK}/disable"))
    assert "The webhook Hook01 is disabled." in page.root.by_id("notice").text
    assert status_of(site, "Hook01") is Status.DISABLED
    assert {each["action"] for each in page.root.all("form", method="post")} >= {f"{HOOK}/enable"}
    assert f"{HOOK}/ping" not in page.text.replace("/pings/", "")
    page = await browser.follow(await browser.post(f"{HOOK}/enable"))
    assert status_of(site, "Hook01") is Status.ENABLED


async def test_settings_of_the_installation_are_shown_with_their_values(
    site: Site, browser: Browser
) -> None:
    site.lookups.defaults = Defaults((10_000, 60_000), 12 * 3_600_000, 0)
    text = "".join((await browser.get(HOOK)).root.text.split())
    assert "Retriesafter10s,1m(default)" in text
    assert "Maximumage12h(default)" in text
    assert "Disabledafternever(default)" in text
    site.store.webhooks.patch("alpha", "Hook01", max_age_ms=0, disable_after_ms=86_400_000)
    text = "".join((await browser.get(HOOK)).root.text.split())
    assert "MaximumagenoneRatelimit" in text
    assert "Disabledafter1doffailuresFilters" in text


async def test_a_ping_is_sent_and_waited_for(site: Site, browser: Browser) -> None:
    sent = await browser.post(f"{HOOK}/ping")
    (published,) = site.publisher.published
    (event,) = decode_deliveries(published.body).events
    assert sent.location == f"{HOOK}?ping={event.id}"
    page = await browser.follow(sent)
    ping = page.root.by_id("ping")
    assert "Waiting for its record" in ping.text
    assert ping["hx-get"] == f"{HOOK}/pings/{event.id}"
    assert "hx-trigger" in ping


async def test_the_request_and_the_response_of_a_ping_are_shown(browser: Browser) -> None:
    part = await browser.get(f"{HOOK}/pings/{EVENT_ID}", HX_Request="true")
    ping = part.root.by_id("ping")
    assert "hx-get" not in ping
    assert "POST http://www.microsoft.com/" in ping.text
    assert '"action": "ping"' in ping.text


async def test_a_disabled_webhook_says_why_it_cannot_be_pinged(
    site: Site, browser: Browser
) -> None:
    page = await browser.follow(await browser.post(f"{OFF}/ping"))
    assert "is disabled and gets no requests" in page.root.by_id("notice").text
    assert "bad" in page.root.by_id("notice")["class"]
    assert not site.publisher.published


async def test_a_ping_while_the_broker_is_away_is_a_503(site: Site, browser: Browser) -> None:
    site.publisher.failure = BrokerError("away")
    page = await browser.post(f"{HOOK}/ping")
    assert page.status == 503
    assert "Not available now" in page.said


async def test_one_that_disabled_itself_can_be_probed(site: Site, browser: Browser) -> None:
    row = site.store.webhooks.get("alpha", "Hook01")
    assert row is not None
    site.store.webhooks.disable(row.id, "it answered 410 Gone", 1, Cause.GONE)
    page = await browser.get(HOOK)
    assert "It answered 410 Gone." in page.said
    sent = await browser.post(f"{HOOK}/probe")
    assert "ping=" in sent.location
    (published,) = site.publisher.published
    assert decode_deliveries(published.body).deliveries[0].probe


async def test_a_rotation_is_asked_for_first(site: Site, browser: Browser) -> None:
    site.store.webhooks.patch("alpha", "Hook01", secret=f"whsec_{'A' * 43}=")
    assert f'href="{HOOK}/rotate"' in (await browser.get(HOOK)).text
    asked = await browser.get(f"{HOOK}/rotate")
    assert "Rotate the secret of Hook01?" in asked.said
    row = site.store.webhooks.get("alpha", "Hook01")
    assert row is not None and not row.old_secret


async def test_a_secret_is_rotated_and_shown_once(site: Site, browser: Browser) -> None:
    page = await browser.follow(await browser.post(f"{HOOK}/rotate"))
    assert "does not sign" in page.root.by_id("notice").text
    site.store.webhooks.patch("alpha", "Hook01", secret="whsec_" + "A" * 43 + "=")
    page = await browser.follow(await browser.post(f"{HOOK}/rotate"))
    row = site.store.webhooks.get("alpha", "Hook01")
    assert row is not None
    assert page.root.by_id("secret").text == row.secret
    assert row.old_secret not in page.text


async def test_a_webhook_is_deleted_when_that_is_confirmed(site: Site, browser: Browser) -> None:
    asked = await browser.get(f"{HOOK}/delete")
    assert "Delete the webhook Hook01?" in asked.said
    assert site.store.webhooks.get("alpha", "Hook01") is not None
    page = await browser.follow(await browser.post(f"{HOOK}/delete"))
    assert page.root.one("h1").text == "Alpha"
    assert "The webhook Hook01 was deleted." in page.root.by_id("notice").text
    assert site.store.webhooks.get("alpha", "Hook01") is None
    assert (await browser.get(HOOK)).status == 404


async def rows(browser: Browser, query: str = "") -> list[str]:
    page = await browser.get(f"{HOOK}{query}")
    assert page.status == 200, page.said
    found = page.root.by_id("records").all("tbody", class_="record")
    return [" ".join(each.text.split()[2:]) for each in found]


@pytest.mark.parametrize(
    ("query", "attempts"),
    [
        ("", ["3"]),
        ("?status=2", ["3"]),
        ("?status=4", ["1"]),
        ("?status=0", ["2"]),
        ("?status=5", []),
        ("?outcome=retried", ["2"]),
        ("?outcome=delivered", ["3"]),
        ("?action=ping", ["3"]),
        ("?action=push", []),
        ("?attempt=first", ["1"]),
        ("?attempt=later", ["3"]),
        ("?time=15m", []),
        ("?repository=nothing", []),
        ("?outcome=retried&status=4&attempt=first", ["1"]),
    ],
)
async def test_records_are_filtered(browser: Browser, query: str, attempts: list[str]) -> None:
    page = await browser.get(f"{HOOK}{query}")
    assert page.status == 200, page.said
    found = page.root.by_id("records").all("tbody", class_="record")
    assert [each.all("td")[6].text for each in found] == attempts
    narrow = page.root.by_id("records")["data-narrow"]
    assert (narrow == "yes") == bool(query)


async def test_a_record_opens_with_both_sides(browser: Browser) -> None:
    page = await browser.get(HOOK)
    (opener,) = page.root.by_id("records").all("button", aria_label="Request and response")
    assert opener["aria-expanded"] == "false"
    newest = await browser.get(opener["hx-get"], HX_Request="true")
    first, _, third = newest.root.one("div", class_="attempts").all("button")
    assert "hx-get" not in third, "it is the one that is shown"
    refused = await browser.get(first["hx-get"], HX_Request="true")
    request = refused.root.all("section", class_="pane")[0].text
    response = refused.root.all("section", class_="pane")[1].text
    assert "POST http://www.microsoft.com/" in request
    assert ("key", "value") in [
        (each.one("dt").text, each.one("dd").text)
        for each in refused.root.all("section", class_="pane")[0].one("dl").all("div")
    ]
    assert '"action": "ping"' in request
    assert "403 Forbidden" in response
    assert "<!DOCTYPE html>" in response
    (copied,) = [each for each in refused.root.all("button") if "data-copy-text" in each]
    command = copied["data-copy-text"]
    assert command.startswith("curl -X POST http://www.microsoft.com/ \\\n  -H 'key: value'")
    assert "Content-Length" not in command


async def test_a_record_without_an_answer_says_why(browser: Browser) -> None:
    part = await browser.get(f"{HOOK}/deliveries/{EVENT_ID}/attempts/2", HX_Request="true")
    response = part.root.all("section", class_="pane")[1].text
    assert "No answer" in response
    assert "Timeout." in response


async def test_a_live_row_that_is_not_stored_yet_looks_again(browser: Browser) -> None:
    part = await browser.get(f"{HOOK}/deliveries/not-yet/attempts/1", HX_Request="true")
    (again,) = part.root.all("p")
    assert again["hx-get"] == f"{HOOK}/deliveries/not-yet/attempts/1"


async def test_a_record_of_another_webhook_is_not_shown(browser: Browser) -> None:
    assert (await browser.get(f"{OFF}/records/1")).status == 404


async def test_a_delivery_is_sent_again(site: Site, browser: Browser) -> None:
    webhook_id = site.deliver("pushed-1", Detail())
    page = await browser.get(f"{HOOK}/deliveries/pushed-1")
    assert "Resend" in [each.text for each in page.root.all("button")]
    sent = await browser.post(f"{HOOK}/deliveries/pushed-1/resend")
    assert sent.location == f"{HOOK}/deliveries/pushed-1?resent=1"
    (replay,) = site.store.replays.list("alpha", before=None, limit=9)
    assert (replay.selection.event_id, replay.total) == ("pushed-1", 1)
    assert replay.selection.webhook_id == webhook_id
    # The page looks on until there is a further record.
    page = await browser.follow(sent)
    assert page.root.by_id("life")["hx-get"].endswith("?resent=1")


async def test_a_waiting_delivery_is_tried_now(site: Site, browser: Browser) -> None:
    waits = Detail(failure=Failure.STATUS, next_attempt_ms=now_ms() + 3_600_000)
    site.deliver("waits-1", waits, outcome=Outcome.RETRIED)
    page = await browser.get(f"{HOOK}/deliveries/waits-1")
    assert "Try now" in [each.text for each in page.root.all("button")]
    opened = await browser.get(f"{HOOK}/deliveries/waits-1/attempts/1", HX_Request="true")
    assert "Try now" in [each.text for each in opened.root.all("button")]
    tried = await browser.post(f"{HOOK}/deliveries/waits-1/try-now")
    assert tried.location == f"{HOOK}/deliveries/waits-1?resent=1"
    (published,) = site.publisher.published
    (copy,) = decode_deliveries(published.body).deliveries
    assert copy.attempt == 2
    page = await browser.follow(tried)
    assert "Attempt 2 is made now" in page.root.by_id("notice").text
    assert page.root.by_id("life")["hx-get"].endswith("?resent=1")


async def test_a_delivery_that_has_ended_is_not_tried_now(site: Site, browser: Browser) -> None:
    site.deliver("pushed-1", Detail())
    page = await browser.get(f"{HOOK}/deliveries/pushed-1")
    assert "Try now" not in [each.text for each in page.root.all("button")]
    page = await browser.follow(await browser.post(f"{HOOK}/deliveries/pushed-1/try-now"))
    assert "does not wait" in page.root.by_id("notice").text
    assert site.publisher.published == []


async def test_a_ping_is_not_sent_again(browser: Browser) -> None:
    page = await browser.get(f"{HOOK}/deliveries/{EVENT_ID}")
    assert "Resend" not in page.said
    page = await browser.follow(await browser.post(f"{HOOK}/deliveries/{EVENT_ID}/resend"))
    assert "or it is a ping" in page.root.by_id("notice").text


async def test_the_life_of_a_delivery_has_every_attempt(browser: Browser) -> None:
    page = await browser.get(f"{HOOK}/deliveries/{EVENT_ID}")
    steps = page.root.one("ol", class_="timeline").all("li")
    assert [each.one("h2").text for each in steps] == ["Attempt 1", "Attempt 2", "Attempt 3"]
    assert "403" in steps[0].text
    assert "no answer" in steps[1].text
    assert "Answered 200: delivered." in steps[2].text
    assert "hx-get" not in page.root.by_id("life")


async def test_an_event_is_explained_for_every_webhook(site: Site, browser: Browser) -> None:
    site.deliver("pushed-1", Detail())
    page = await browser.get(f"{ALPHA}/events/pushed-1")
    rows = {each.one("th").text: each.text for each in page.root.one("tbody").all("tr")}
    assert set(rows) == {"Bare01", "Hook01", "Off001"}
    assert "Delivered" in rows["Hook01"]
    assert "disabled" in rows["Off001"]


async def test_the_page_of_an_event_has_what_its_source_tells(site: Site, browser: Browser) -> None:
    extras = Extras(
        kind="harbor", source="main", actor="<b>ci</b>", platforms=("linux/amd64", "linux/arm64")
    )
    site.deliver("pushed-1", Detail(), extras=extras)
    page = await browser.get(f"{ALPHA}/events/pushed-1")
    told = {each.one("dt").text: each.one("dd").text for each in page.root.one("dl").all("div")}
    assert told["Actor"] == "<b>ci</b>"
    assert told["Platforms"] == "linux/amd64, linux/arm64"
    assert told["Source"] == "main (harbor)"
    assert "Artifact type" not in told


async def test_what_cannot_be_sent_again_says_why(site: Site, browser: Browser) -> None:
    sent = await browser.post(f"{HOOK}/deliveries/nothing/resend")
    assert sent.status == 303
    assert "resent" not in sent.location
    site.store.webhooks.patch("alpha", "Hook01", status=Status.DISABLED)
    sent = await browser.post(f"{HOOK}/deliveries/{EVENT_ID}/resend")
    page = await browser.follow(sent)
    assert "enable it first" in page.root.by_id("notice").text


async def test_the_charts_get_columns_of_one_length(browser: Browser) -> None:
    for chosen in ("15m", "1h", "6h", "24h", "7d"):
        page = await browser.get(f"/console/overview/series?range={chosen}")
        told: dict[str, Any] = json.loads(page.text)
        lengths = {len(each) for each in told.values() if isinstance(each, list)}
        assert len(lengths) == 1, chosen
        assert told["at"] == sorted(told["at"])


@pytest.mark.parametrize(("query", "found"), [("status=4", 1), ("status=3", 0)])
async def test_a_search_that_takes_long_goes_on_by_itself(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch, query: str, found: int
) -> None:
    for budget in ("FIRST_S", "ON_S"):
        monkeypatch.setattr(webhookpages, budget, 0)
    monkeypatch.setattr(walking, "WINDOWS", (1,))
    site.deliver("newest", Detail())
    page = await browser.get(f"{HOOK}?{query}")
    looks = 1
    while more := [each for each in page.root.by_id("records").all("p") if "hx-get" in each]:
        assert "the search continues" in more[0].text
        assert more[0]["hx-trigger"] == "load"
        page = await browser.get(more[0]["hx-get"])
        looks += 1
    assert looks > 2
    assert len(page.root.by_id("records").all("button", aria_label="Request and response")) == found
    assert ("No record of this webhook matches." in page.said) == (not found)


async def test_a_webhook_that_no_request_can_reach_says_so(site: Site, browser: Browser) -> None:
    site.store.webhooks.patch("alpha", "Hook01", uri="http://10.0.0.1:9000/hook")
    assert "will be refused" not in (await browser.get(HOOK)).said
    site.lookups.targets = Targets()
    told = (await browser.get(HOOK)).said
    assert "Every request to 10.0.0.1 will be refused" in told
    assert "PORTCALL_ALLOW_TARGETS=10.0.0.1/32" in told


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (Cause.GONE, "It is not probed by itself; Probe sends a request now: a 2xx"),
        (Cause.FAILING, "It is probed from time to time; Probe does so now: a 2xx"),
    ],
)
async def test_a_probe_is_promised_only_where_there_is_one(
    site: Site, browser: Browser, cause: Cause, said: str
) -> None:
    row = site.store.webhooks.get("alpha", "Hook01")
    assert row is not None
    site.store.webhooks.disable(row.id, "the endpoint answered 410", 1_000, cause)
    assert said in (await browser.get(HOOK)).said
