"""The dashboard of a real run: read raw, turned, looked at by nobody who should not."""

import asyncio
import json
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from yarl import URL

from portcall.cli.loadtest.board import shown as shown_board
from portcall.cli.loadtest.board import watched
from portcall.cli.ports import HOST
from portcall.loadtest.dashboard.address import Address
from portcall.loadtest.dashboard.server import Dashboard
from portcall.loadtest.schedule.pacing import RequestPace, work_out
from portcall.schemas.errors import InvalidValueError
from tests.integration.loadtest.consumer import Consumer, serve

LIMIT_S = 60


@pytest.fixture
async def consumer() -> AsyncIterator[Consumer]:
    async with serve() as serving:
        yield serving


@asynccontextmanager
async def shown(consumer: Consumer, *arguments: str) -> AsyncIterator[tuple[Process, URL]]:
    """A load test of 50/s with its dashboard on a free port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "portcall.cli.main", "loadtest", "--uri", consumer.uri, "--rate", "50",
        "--max-lag", "20s", "--dashboard", ":0", "-q", *arguments, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        async with asyncio.timeout(LIMIT_S):
            line = (await process.stderr.readline()).decode()
            yield process, URL(line.removeprefix("Dashboard: ").strip())
            await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def events(url: URL) -> AsyncGenerator[tuple[str, dict[str, Any]]]:
    """Server-sent events, read from a plain socket."""
    reader, writer = await asyncio.open_connection(url.host, url.port, limit=1 << 20)
    writer.write(f"GET /events HTTP/1.0\r\nHost: {url.authority}\r\n\r\n".encode())
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        assert "200 ok" in head.splitlines()[0]
        assert "content-type: text/event-stream" in head
        while name := (await reader.readline()).decode():
            data = (await reader.readline()).decode()
            assert await reader.readline() == b"\n"
            yield name.strip().removeprefix("event: "), json.loads(data.removeprefix("data: "))
    finally:
        writer.close()


async def test_a_reader_sees_the_run_go_on_and_end(consumer: Consumer) -> None:
    async with shown(consumer, "-d", "4s", "-t", "max<0.001", "-t", "retry_amplification<2") as run:
        process, url = run
        told = [each async for each in events(url)]
    assert process.returncode == 99
    names = [name for name, _ in told]
    assert names[-1] == "end"
    assert set(names[:-1]) == {"state"}
    sent = [state["sent"] for _, state in told]
    assert sent == sorted(sent)
    assert len(set(sent)) >= 3
    assert any(state["phase"] == "sending" and state["latency"] for _, state in told)
    live = next(state for _, state in told if state["sent"])
    assert [each["ok"] for each in live["thresholds"]] == [False, None]
    assert live["generator"]["cpu"] > 0
    last = told[-1][1]
    assert (last["planned"], last["sent"], last["not_sent"], last["exit_code"]) == (200, 200, 0, 99)
    assert last["statuses"] == [["200", 200]]
    seconds = {point["second"]: point for _, state in told for point in state["points"]}
    assert sum(point["planned"] for point in seconds.values()) == 200
    assert sum(point["answered"] for point in seconds.values()) == 200


async def test_the_rate_is_turned_by_the_page_and_by_no_other_site(
    consumer: Consumer, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    async with shown(consumer, "-d", "5s", "-o", str(report)) as (_, url), ClientSession() as http:
        async with aclosing(events(url)) as told:
            async for _, state in told:
                if state["sent"]:
                    break
        ours = str(url.origin())
        tries: list[tuple[dict[str, str], object, int]] = [
            ({"Origin": "http://evil.example"}, {"key": "+"}, 403),
            ({"Origin": "null"}, {"key": "+"}, 403),
            ({"Host": "evil.example"}, {"key": "+"}, 403),
            ({"Sec-Fetch-Site": "cross-site"}, {"key": "+"}, 403),
            ({"Origin": ours, "Content-Type": "text/plain"}, {"key": "+"}, 415),
            ({"Origin": ours}, {"key": "9"}, 400),
            ({"Origin": ours}, {"factor": 1e9}, 400),
            ({"Origin": ours}, {"factor": "2"}, 400),
            ({"Origin": ours}, {}, 400),
            ({"Origin": ours}, {"key": "+", "factor": 2}, 400),
            ({"Origin": ours}, [], 400),
            ({"Origin": ours}, {"factor": 3}, 200),
        ]
        for headers, body, status in tries:
            content = {"Content-Type": "application/json", **headers}
            async with http.post(url / "rate", data=json.dumps(body), headers=content) as answer:
                assert (answer.status, headers, body) == (status, headers, body)
                said = await answer.json()
                assert said == {"factor": 3.0} if status == 200 else said["error"]
    portcall = json.loads(report.read_text())["portcall"]
    assert "changed by hand: x3 from" in portcall["about"]["plan"]
    assert portcall["planned"] > 250


async def test_the_page_loads_only_what_is_beside_it(consumer: Consumer) -> None:
    async with shown(consumer, "-d", "2s") as (_, url), ClientSession() as http:
        parts = {
            "": "html", "page.css": "css", "page.js": "javascript", "plots.js": "javascript",
            "chart-look.js": "javascript", "uPlot.iife.min.js": "javascript",
        }  # fmt: skip
        for path, kind in parts.items():
            async with http.get(url / path) as answer:
                assert answer.status == 200
                assert answer.headers["Content-Type"] == f"text/{kind}; charset=utf-8"
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
                text = await answer.text()
            library, _, text = text.rpartition("/*! https://github.com/leeoniya/uPlot ")
            assert library == ""
            assert "https://" not in text
            assert "innerHTML" not in text
        async with http.get(url / "events", headers={"Host": "evil.example"}) as answer:
            assert answer.status == 403
        async with http.get(url / "nothing") as answer:
            assert answer.status == 404


async def test_readers_that_read_nothing_hold_up_neither_the_run_nor_its_end(
    consumer: Consumer,
) -> None:
    async with shown(consumer, "-d", "3s") as (process, url):
        lazy = [await asyncio.open_connection(url.host, url.port) for _ in range(5)]
        for _, writer in lazy:
            writer.write(f"GET /events HTTP/1.1\r\nHost: {url.authority}\r\n\r\n".encode())
        gone = lazy.pop()[1]
        gone.close()
        last = [state async for _, state in events(url)][-1]
        assert (last["sent"], last["phase"]) == (150, "over")
        assert await process.wait() == 0
        for _, writer in lazy:
            writer.close()


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("..", "no name is written so"),
        ("a..b", "no name is written so"),
        ("a" * 80, "no name is written so"),
        ("192.0.2.1", "Cannot assign requested address"),
    ],
)
async def test_an_address_that_is_not_ours_is_refused_with_the_reason(host: str, why: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        await Dashboard(Address.parse(f"{host}:0")).__aenter__()
    assert refused.value.problem == (
        f"cannot listen on {host}:0 ({why}); give another address, such as :0 for any free port of 127.0.0.1"
    )


async def test_an_address_of_ipv6_has_brackets() -> None:
    async with Dashboard(Address.parse("[::1]:0")) as dashboard, ClientSession() as http:
        assert dashboard.url.startswith("http://[::1]:")
        async with http.get(dashboard.url) as answer:
            assert answer.status == 200
        async with http.post(
            f"{dashboard.url}rate",
            json={"key": "+"},
            headers={"Origin": dashboard.url.removesuffix("/")},
        ) as answer:
            assert answer.status == 409  # nothing runs


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
    ],
)
async def test_pages_of_other_sites_take_no_readers_place(
    headers: dict[str, str], status: int
) -> None:
    async with Dashboard(Address(port=0)) as dashboard, ClientSession() as http:
        dashboard.board.break_off("at once")
        async with http.get(f"{dashboard.url}events", headers=headers) as answer:
            assert answer.status == status


async def test_a_request_without_a_host_waits_for_no_resolver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda *_: pytest.fail("it asked the resolver"))
    async with Dashboard(Address(port=0)) as dashboard:
        url = URL(dashboard.url)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert b"403 Forbidden" in await reader.readline()
        writer.close()


async def test_a_port_that_is_taken_ends_it_before_anything_is_sent(consumer: Consumer) -> None:
    taken = URL(consumer.uri).port
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "portcall.cli.main", "loadtest", "--uri", consumer.uri,
        "--dashboard", f"{HOST}:{taken}", stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    _, err = await process.communicate()
    assert process.returncode == 2
    expected = f"--dashboard: cannot listen on {HOST}:{taken} (Address already in use)"
    assert expected in err.decode()
    assert b"Traceback" not in err
    assert not consumer.requests


async def test_the_search_for_the_highest_rate_shows_each_rate_and_ends_with_the_best(
    consumer: Consumer, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    # 50 a second are 75 requests; whatever is tried besides has more than it may.
    asked = ["-d", "1500ms", "--pause", "300ms", "--find-max", "http_reqs: count<79"]
    async with shown(consumer, *asked, "-o", str(report)) as (_, url):
        told = [state async for _, state in events(url)]
    assert len({state["plan"] for state in told if state["plan"]}) >= 2
    assert {state["factor"] for state in told} == {0.0}
    pauses = [state for state in told if state["phase"] == "pausing" and state["tried"]]
    assert {state["sent"] for state in pauses} >= {75, 150}
    last, portcall = told[-1], json.loads(report.read_text())["portcall"]
    (saturation,) = [each for each in portcall["sections"] if each["title"] == "Saturation"]
    assert last["tried"][0][0] == "50/s"
    assert last["tried"][-1][-1] == "crossed"  # so the last one is not the best one
    assert sorted(last["tried"]) == sorted(saturation["rows"])
    assert last["found"] == saturation["words"][0]
    assert last["plan"] == portcall["about"]["plan"]
    assert last["sent"] == last["total"] == portcall["planned"]
    assert sum(each["planned"] for each in last["points"]) == portcall["planned"]


async def test_a_run_that_breaks_off_says_why() -> None:
    async with AsyncExitStack() as stack:
        with pytest.raises(InvalidValueError):  # noqa: PT012 (what is read then is the point)
            async with shown_board(Address(port=0)) as board:
                board.begin(watched("http://127.0.0.1/", work_out(RequestPace()), ()))
                reader = await stack.enter_async_context(aclosing(board.read()))
                await anext(reader)
                raise InvalidValueError("--through", "it is gone")
        last = (await anext(reader)).decode()
    assert last.startswith("event: end\n")
    assert '"words":"--through: it is gone","exit_code":null' in last
