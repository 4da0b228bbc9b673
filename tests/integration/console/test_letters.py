"""The pages of dead letters, as a browser without scripts sees them."""

from dataclasses import replace

import msgspec
import pytest

from portcall.management.letters.box import BusyError
from portcall.management.overview.pulse import Sick
from portcall.runtime.broker.letters import Letter
from portcall.runtime.clock import now_ms
from portcall.runtime.errors import BrokerError
from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import Event
from portcall.schemas.frames import REASON_HEADER, encode_deliveries, encode_events
from portcall.schemas.topology import DEAD, UNROUTED
from portcall.store.access.principals import Role
from portcall.store.database.tables import webhooks
from portcall.store.errors import StoreUnavailableError
from tests.integration.console.site import CONSOLE, Browser, Site

LETTERS = f"{CONSOLE}/dead-letters"
HOSTILE = '<script>alert("x")</script>'


def letter(site: Site, number: int, reason: str = "it timed out", body: bytes = b"") -> Letter:
    row = site.store.webhooks.get("alpha", "Hook01")
    assert row is not None
    event = Event(f"e{number}", "alpha", "push", 1_700_000_000_000, msgspec.Raw(b"{}"), HOSTILE)
    made = Letter(
        body=body or encode_deliveries([event], [Delivery(0, row.id, attempt=4)]),
        queue=DEAD,
        exchange=DEAD,
        key="",
        headers={REASON_HEADER: reason, "x-hostile": HOSTILE},
    )
    site.box.letters["dead"].append(made)
    return made


async def test_letters_are_listed_counted_and_filtered(site: Site, browser: Browser) -> None:
    for number in range(3):
        letter(site, number)
    letter(site, 3, "status 503")
    letter(site, 4, "not a frame", HOSTILE.encode())
    page = await browser.get(LETTERS)
    assert page.status == 200
    assert "5 in portcall.dead" in page.said
    assert "It timed out." in page.said and "Alpha/Hook01" in page.said.replace("alpha", "Alpha")
    assert HOSTILE not in page.text
    assert len(page.root.all("input", name="id")) == 5
    narrowed = await browser.client_get(LETTERS, reason="503")
    assert "Resend all 1" in narrowed.said
    assert "There is none" in (await browser.client_get(LETTERS, queue="unrouted")).said


async def test_pages_follow_each_other(site: Site, browser: Browser) -> None:
    for number in range(130):
        letter(site, number)
    page = await browser.get(LETTERS)
    following = page.root.one("a", rel="next")["href"]
    assert f"{LETTERS}?" in following
    second = await browser.get(following.partition(site.url)[2] or following)
    assert len(second.root.all("input", name="id")) == 30


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"webhook": "Hook01"}, "registry: is required with webhook"),
        ({"registry": "a b"}, "registry"),
        ({"registry": "Missing"}, "was not found"),
        ({"registry": "Alpha", "webhook": "missing1"}, "was not found"),
        ({"reason": "x" * 201}, "reason"),
    ],
)
async def test_a_filter_that_makes_no_sense_is_said_on_the_page(
    browser: Browser, query: dict[str, str], says: str
) -> None:
    page = await browser.client_get(LETTERS, **query)
    assert page.status in (400, 404)
    assert says in page.said
    assert page.root.all("input", name="reason")


async def test_a_letter_is_shown_whole_and_harmless(site: Site, browser: Browser) -> None:
    made = letter(site, 1, "not a frame", HOSTILE.encode())
    page = await browser.get(f"{LETTERS}/{made.id}?queue=dead")
    assert page.status == 200
    assert made.id in page.said and HOSTILE in page.said
    assert HOSTILE not in page.text
    assert (await browser.get(f"{LETTERS}/{'0' * 32}?queue=dead")).status == 404


async def test_every_kind_of_letter_has_a_page(site: Site, browser: Browser) -> None:
    routed = letter(site, 1, "")
    events = encode_events(
        [Event("e", "alpha", "push", 1_700_000_000_000, msgspec.Raw(b"{}"), "team/app")]
    )
    unrouted = letter(site, 2, "", events)
    poison = letter(site, 3, "", b"\x00")
    assert (await browser.get(LETTERS)).status == 200
    for made in (routed, unrouted, poison):
        page = await browser.get(f"{LETTERS}/{made.id}?queue=dead")
        assert page.status == 200, page.said
        assert made.id in page.said


async def test_what_was_ticked_is_sent_again(site: Site, browser: Browser) -> None:
    made = [letter(site, number) for number in range(4)]
    await browser.get(LETTERS)
    form = {"queue": "dead", "which": "selected", "id": [made[1].id, made[3].id]}
    told = await browser.follow(await browser.post(f"{LETTERS}/resend", form))
    assert "2 sent again. 2 letters left." in told.said
    assert site.box.letters["dead"] == [made[0], made[2]]


async def test_all_that_fit_are_sent_again_and_no_others(site: Site, browser: Browser) -> None:
    letter(site, 1)
    kept = letter(site, 2, "status 503")
    await browser.get(LETTERS)
    form = {"queue": "dead", "which": "all", "reason": "timed"}
    answer = await browser.post(f"{LETTERS}/resend", form)
    assert answer.location.endswith("queue=dead&reason=timed")
    assert site.box.letters["dead"] == [kept]


async def test_nothing_ticked_sends_nothing(site: Site, browser: Browser) -> None:
    letter(site, 1)
    await browser.get(LETTERS)
    answer = await browser.post(f"{LETTERS}/resend", {"queue": "dead", "which": "selected"})
    assert "No letter was selected" in (await browser.follow(answer)).said
    assert len(site.box.letters["dead"]) == 1


async def test_throwing_away_asks_first(site: Site, browser: Browser) -> None:
    first, second = letter(site, 1), letter(site, 2)
    await browser.get(LETTERS)
    form = {"queue": "dead", "which": "selected", "id": [first.id]}
    asked = await browser.post(f"{LETTERS}/purge", form)
    assert asked.status == 200
    assert "Purge 1 letter?" in asked.said
    assert "with all copies" in asked.said
    assert len(site.box.letters["dead"]) == 2
    told = await browser.follow(
        await browser.post(f"{LETTERS}/purge", {**form, "confirmed": "yes"})
    )
    assert "1 letter purged; 1 letter left." in told.said
    assert site.box.letters["dead"] == [second]


@pytest.mark.parametrize("action", ["resend", "purge"])
async def test_what_arrives_after_a_page_was_shown_is_not_meant(
    site: Site, browser: Browser, action: str
) -> None:
    for number in range(3):
        letter(site, number)
    page = await browser.get(LETTERS)
    form = {"queue": "dead", "which": "all", "total": page.root.one("input", name="total")["value"]}
    late = letter(site, 9)
    if action == "purge":
        asked = await browser.post(f"{LETTERS}/purge", form)
        assert "Purge 3 matching letters?" in asked.said
        form["total"] = asked.root.one("input", name="total")["value"]
    told = await browser.follow(
        await browser.post(f"{LETTERS}/{action}", {**form, "confirmed": "yes"})
    )
    assert "1 letter left." in told.said
    assert site.box.letters["dead"] == [late]


async def test_of_more_than_one_request_takes_the_first_are_meant(
    site: Site, browser: Browser
) -> None:
    for number in range(1_002):
        letter(site, number)
    await browser.get(LETTERS)
    form = {"queue": "dead", "which": "all", "total": "1002"}
    asked = await browser.post(f"{LETTERS}/purge", form)
    assert "Purge the first 1,000 of 1,002 matching letters?" in asked.said
    await browser.post(f"{LETTERS}/purge", {**form, "confirmed": "yes"})
    assert len(site.box.letters["dead"]) == 2


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        pytest.param({"queue": "UNROUTED"}, ["dead", "dead"], id="a queue in capitals"),
        pytest.param({"queue": "dead", "reason": " out "}, ["dead", "unrouted"], id="a reason"),
        pytest.param({"queue": "dead", "reason": " "}, ["unrouted"], id="a reason of blanks"),
    ],
)
async def test_what_is_shown_is_what_is_purged(
    site: Site, browser: Browser, query: dict[str, str], kept: list[str]
) -> None:
    letter(site, 1)
    letter(site, 2, "status 503")
    site.box.letters["unrouted"].append(replace(letter(site, 3), queue=UNROUTED))
    site.box.letters["dead"].pop()
    page = await browser.client_get(LETTERS, **query)
    shown = {each["value"] for each in page.root.all("input", name="id")}
    before = [each.id for each in (*site.box.letters["dead"], *site.box.letters["unrouted"])]
    form = page.root.one("form", id="letters")
    fields = {
        name: form.one("input", name=name)["value"]
        for name in ("queue", "total", "registry", "webhook", "reason")
    }
    posted = {**fields, "which": "all", "confirmed": "yes"}
    assert (await browser.post(f"{LETTERS}/purge", posted)).status == 303
    left = [each.id for each in (*site.box.letters["dead"], *site.box.letters["unrouted"])]
    assert shown and set(before) - set(left) == shown
    assert [name for name, each in site.box.letters.items() for _ in each] == kept


async def test_a_queue_that_is_none_is_no_queue_to_empty(site: Site, browser: Browser) -> None:
    letter(site, 1)
    page = await browser.client_get(LETTERS, queue="events")
    assert page.status == 400 and not page.root.all("form", id="letters")
    form = {"queue": "events", "which": "all", "total": "1", "confirmed": "yes"}
    told = await browser.follow(await browser.post(f"{LETTERS}/purge", form))
    assert "must be one of dead, unrouted" in told.said
    assert len(site.box.letters["dead"]) == 1


async def test_a_broker_that_is_away_is_an_error_page(site: Site, browser: Browser) -> None:
    site.box.failure = BrokerError("it is away")
    assert (await browser.get(LETTERS)).status == 503
    site.box.failure = BusyError("somebody else is looking through it")
    assert (await browser.get(LETTERS)).status == 409


async def test_readers_see_nothing_of_it(site: Site) -> None:
    _, secret = site.principal(Role.READER)
    browser = await site.browser.sign_in(secret)
    made = letter(site, 1)
    for path in (LETTERS, f"{LETTERS}/{made.id}"):
        assert (await browser.get(path)).status == 403
    for path in (f"{LETTERS}/resend", f"{LETTERS}/purge"):
        form = {"queue": "dead", "which": "all", "confirmed": "yes"}
        assert (await browser.post(path, form)).status == 403
    assert "dead-letters" not in (await browser.get(CONSOLE)).text
    assert len(site.box.letters["dead"]) == 1


async def test_the_overview_refreshes_itself_while_the_store_is_away(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = site.store.webhooks.get("alpha", "Hook01")
    assert row is not None
    site.store.webhooks.disable(row.id, "the endpoint answered 410", 1_700_000_000_000)
    sick = replace(site.pulse.snapshot(), sick=(Sick(row.id, now_ms() + 60_000),))
    monkeypatch.setattr(site.pulse, "snapshot", lambda: sick)
    before = await browser.get(f"{CONSOLE}/overview/now")
    assert before.status == 200 and "The endpoint answered 410." in before.said

    def away(*_arguments: object) -> None:
        raise StoreUnavailableError("the store does not answer")

    for named in ("revision", "by_ids"):
        monkeypatch.setattr(type(site.store.webhooks), named, away)
    after = await browser.get(f"{CONSOLE}/overview/now")
    assert after.status == 200
    for page in (before, after):
        assert page.text.count("Hook01") == before.text.count("Hook01") >= 2
    assert "The endpoint answered 410." in after.said


async def test_webhooks_that_disabled_themselves_stand_out(site: Site, browser: Browser) -> None:
    row = site.store.webhooks.get("alpha", "Hook01")
    assert row is not None
    assert (await browser.get(CONSOLE)).root.by_id("attention-count").text == "0"
    site.store.webhooks.disable(row.id, "the endpoint answered 410", 1_700_000_000_000)
    for path in (CONSOLE, f"{CONSOLE}/overview/now"):
        page = await browser.get(path)
        assert "Needs attention 1 Disabled automatically" in page.said
        assert f"{CONSOLE}/registries/Alpha/webhooks/Hook01" in page.text
        assert "The endpoint answered 410." in page.said
    registries = await browser.get(f"{CONSOLE}/registries")
    assert "1 disabled automatically" in registries.said
    assert f"{CONSOLE}/registries/Alpha?show=attention" in registries.text
    attention = await browser.get(f"{CONSOLE}/registries/Alpha?show=attention")
    assert "Disabled automatically" in attention.said
    site.store.webhooks.enable(row.id, 1_700_000_000_001)
    assert (await browser.get(CONSOLE)).root.by_id("attention-count").text == "0"


async def test_webhooks_that_fail_and_unread_queues_need_attention(
    site: Site, browser: Browser
) -> None:
    row = site.store.webhooks.get("alpha", "Hook01")
    assert row is not None
    with site.store.webhooks._database.writing() as connection:
        change = webhooks.update().where(webhooks.c.id == row.id)
        connection.execute(change.values(failing_since_ms=1_700_000_000_000))
    page = await browser.get(CONSOLE)
    assert "Needs attention 1 Failing" in page.said
    assert "no attempt has succeeded since 2023-11-14 22:13 UTC." in page.said
    assert page.root.by_id("attention-count").text == "1"
    assert 'href="#attention"' in page.text
    shown = (await browser.get(f"{CONSOLE}/registries/Alpha/webhooks/Hook01")).said
    assert "no attempt has succeeded since 2023-11-14 22:13 UTC." in shown
