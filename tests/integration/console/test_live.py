"""The real role with a real broker: what happens shows up on a page that is open."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, ClientTimeout, CookieJar

from portcall.management.console.views import live
from portcall.runtime.broker import declaring as broker
from portcall.schemas.topology import LOG, topology
from portcall.store.access.principals import Role, digest_of, new_secret
from tests.integration.console.document import parse
from tests.integration.console.site import ALPHA, CONSOLE, Browser
from tests.integration.test_management import (
    NOBODY,
    TOKEN,
    Served,
    poll,
    publisher_of,
    record_frame,
    served,
)

HOOK = f"{ALPHA}/webhooks/webhook01"


@pytest.fixture
async def role(amqp_url: str, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    await broker.apply(amqp_url, topology(shards=2, rungs_ms=(1000,)))
    async with served(amqp_url, sqlite_url, tmp_path / "run.json") as role:

        async def is_ready() -> bool:
            async with role.client.get("/ready") as answer:
                return answer.status == 200

        await poll(is_ready)
        yield role


async def browser_of(role: Served, token: str = TOKEN) -> Browser:
    jar = CookieJar(unsafe=True)
    client = ClientSession(role.url, cookie_jar=jar, timeout=ClientTimeout(total=20))
    return await Browser(client).sign_in(token)


async def told(answer: ClientResponse) -> tuple[str, str]:
    """The next event of a stream: its name and its data."""
    while True:
        block = (await answer.content.readuntil(b"\n\n")).decode()
        lines = dict(line.partition(": ")[::2] for line in block.strip().split("\n"))
        if "data" in lines:
            return lines["event"], lines["data"]


async def test_what_happens_is_a_row_at_once(role: Served, amqp_url: str) -> None:
    webhook_id = await role.put_webhook()
    browser = await browser_of(role)
    async with (
        browser.client,
        publisher_of(amqp_url) as publisher,
        browser.client.get(f"{HOOK}/live") as answer,
    ):
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert await answer.content.readuntil(b"\n\n") == b": watching\n\n"
        await publisher.publish_surely(record_frame("other", webhook_id + 1), exchange=LOG)
        await publisher.publish_surely(record_frame("a/<b>", webhook_id), exchange=LOG)
        name, data = await told(answer)
        update: dict[str, Any] = json.loads(data)
        assert name == "rows"
        assert (update["left_out"], update["attempts"], update["succeeded"]) == (0, 1, 1)
        (row,) = parse(update["rows"]).all("tbody", class_="record")
        assert "Delivered" in row.text
        assert row.one("a")["href"] == f"{HOOK}/deliveries/a%2F%3Cb%3E"
        opener = row.one("button")["hx-get"]
        assert opener == f"{HOOK}/deliveries/a%2F%3Cb%3E/attempts/1"


async def test_more_than_anybody_reads_is_counted(role: Served, amqp_url: str) -> None:
    webhook_id = await role.put_webhook()
    many = 300
    browser = await browser_of(role)
    async with (
        browser.client,
        publisher_of(amqp_url) as publisher,
        browser.client.get(f"{HOOK}/live") as answer,
    ):
        await answer.content.readuntil(b"\n\n")
        for number in range(many):
            await publisher.publish_surely(record_frame(f"{number}", webhook_id), exchange=LOG)
        attempts = shown = left_out = 0
        while attempts < many:
            _, data = await told(answer)
            update = json.loads(data)
            rows = len(parse(update["rows"]).all("tbody"))
            assert rows <= live.ROWS
            attempts += update["attempts"]
            shown, left_out = shown + rows, left_out + update["left_out"]
        assert (attempts, shown + left_out) == (many, many)


async def test_signing_out_ends_the_live_view_of_every_tab_at_once(
    role: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LOOKED_AFTER_S", 3_600.0)
    await role.put_webhook()
    browser = await browser_of(role)
    async with browser.client, browser.client.get(f"{HOOK}/live") as answer:
        await answer.content.readuntil(b"\n\n")
        await browser.post(f"{CONSOLE}/sign-out")
        assert await told(answer) == ("end", "signed out")


async def test_a_stream_ends_with_its_session(
    role: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LOOKED_AFTER_S", 0.1)
    await role.put_webhook()
    secret = new_secret()
    reader = role.store.principals.create("r", role=Role.READER, digest=digest_of(secret))
    browser = await browser_of(role, secret)
    async with browser.client, browser.client.get(f"{HOOK}/live") as answer:
        await answer.content.readuntil(b"\n\n")
        role.store.principals.revoke(reader.client_id)
        assert await told(answer) == ("end", "signed out")
        assert await answer.content.read() == b""


async def test_a_stream_does_not_hold_up_the_end_of_the_role(role: Served) -> None:
    await role.put_webhook()
    browser = await browser_of(role)
    async with browser.client, browser.client.get(f"{HOOK}/live") as answer:
        await answer.content.readuntil(b"\n\n")
        role.process.stop()
        closing = asyncio.create_task(role.process.close())
        assert (await told(answer))[0] == "end"
        await closing


async def test_a_ping_is_in_the_queue_when_the_page_says_so(role: Served) -> None:
    await role.put_webhook()
    browser = await browser_of(role)
    async with browser.client:
        page = await browser.follow(await browser.post(f"{HOOK}/ping"))
        assert "The ping was sent." in page.root.by_id("notice").text


async def test_without_a_broker_pages_say_what_they_do_not_know(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with served(NOBODY, sqlite_url, tmp_path / "run.json") as role:
        await role.put_webhook()
        browser = await browser_of(role)
        async with browser.client:
            assert (await browser.get(HOOK)).status == 200
            assert (await browser.get(f"{HOOK}/live")).status == 503
            page = await browser.post(f"{HOOK}/ping")
            assert page.status == 503
            assert "Not available now" in page.said

            async def is_said() -> bool:
                return "does not answer" in (await browser.get("/console")).said

            await poll(is_said)


async def test_over_tls_the_cookies_come_back_over_tls_only(role: Served) -> None:
    url = role.process._addresses["management_tls"]
    async with (
        ClientSession(url, cookie_jar=CookieJar(unsafe=True)) as client,
        client.get("/console/sign-in", ssl=False) as answer,
    ):
        assert answer.cookies["portcall_session"]["secure"]
