"""Load tests of consumers that answer nothing, or nothing that was asked for, on real sockets."""

import asyncio
import json
import ssl
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from portcall.cli.ports import HOST, free_ports
from tests.integration.loadtest.consumer import serve

QUICK = ("--rate", "20", "--duration", "300ms", "--timeout", "500ms", "--max-lag", "10s", "--quiet")
BOUND = "http_req_duration{status:200}: p(95)<200"
Taken = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def loadtest(*arguments: str) -> tuple[int, str]:
    """The exit code, and everything that it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "portcall.cli.main", "loadtest", *arguments, stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, (out + err).decode()


@asynccontextmanager
async def listening(taken: Taken, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    server = await asyncio.start_server(taken, HOST, 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def dead() -> AsyncIterator[str]:
    """Nothing listens there."""
    yield f"http://{HOST}:{free_ports(1)[0]}/hook"


@asynccontextmanager
async def unknown() -> AsyncIterator[str]:
    """A name that is none, by RFC 6761."""
    yield "http://consumer.invalid/hook"


@asynccontextmanager
async def hanging_up() -> AsyncIterator[str]:
    async def close(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with listening(close) as port:
        yield f"http://{HOST}:{port}/hook"


@asynccontextmanager
async def silent() -> AsyncIterator[str]:
    over = asyncio.Event()

    async def wait(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async with listening(wait) as port:
        yield f"http://{HOST}:{port}/hook"
        over.set()


@asynccontextmanager
async def without_tls() -> AsyncIterator[str]:
    """It answers, but speaks no TLS."""
    async with serve() as consumer:
        yield consumer.uri.replace("http://", "https://")


@asynccontextmanager
async def no_http() -> AsyncIterator[str]:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    async with listening(greet) as port:
        yield f"http://{HOST}:{port}/hook"


UNANSWERED = [dead, unknown, hanging_up, silent, without_tls, no_http]


@pytest.mark.parametrize("consumer", UNANSWERED, ids=[each.__name__ for each in UNANSWERED])
async def test_a_consumer_that_answers_nothing_is_never_passed(
    consumer: Callable[[], AsyncIterator[str]], tmp_path: Path
) -> None:
    report, junit = tmp_path / "report.json", tmp_path / "report.xml"
    async with consumer() as uri:  # type: ignore[attr-defined]  # each is a context manager
        plain = await loadtest("--uri", uri, *QUICK, "-o", f"json={report}", "-o", f"junit={junit}")
        bound = await loadtest("--uri", uri, *QUICK, "-t", BOUND, "-t", "dropped==0")
    assert plain[0] == 96, plain[1]
    assert "no request was answered, so nothing was measured" in plain[1]
    found = json.loads(report.read_text())
    assert (found["portcall"]["passed"], found["portcall"]["exitCode"]) == (False, 96)
    answered = found["metrics"]["http_req_duration{expected_response:true}"]["values"]
    assert set(answered.values()) == {None}
    assert "<failure" in junit.read_text()
    assert bound[0] == 99, bound[1]
    assert f"✗ {BOUND}: no samples" in bound[1]
    assert "✓ dropped_iterations: count==0: it was 0" in bound[1]


async def test_answers_with_another_status_are_no_samples_of_the_one_asked_for() -> None:
    async def refuse(_request: web.Request) -> web.Response:
        return web.Response(status=400)

    async with serve() as consumer:
        consumer.answer = refuse
        code, said = await loadtest("--uri", consumer.uri, *QUICK, "-t", BOUND)
        assert code == 99, said
        assert f"✗ {BOUND}: no samples: no request with these labels was answered" in said
        measured = (
            "-t",
            "http_req_duration{status:400}: p(95)<10s",
            "-t",
            "http_req_failed: rate==1",
        )
        assert (await loadtest("--uri", consumer.uri, *QUICK, *measured))[0] == 0
        processed = ("--processed", "echo '[]'", "--settle", "100ms", "-t", "processed_twice==0")
        code, said = await loadtest("--uri", consumer.uri, *QUICK, *processed)
        assert code == 99, said
        assert "✗ processed_twice: count==0: no samples" in said
        assert "? processed twice: no samples: none was processed" in said


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--rate", "0"), 2, "--rate"),
        (("--duration", "0s"), 2, "--duration"),
        (("--rate", "2", "--duration", "500ms", "--arrivals", "poisson", "--seed", "2"),
         96, "no request was planned, so nothing was measured"),
    ],
    ids=["rate 0", "duration 0", "none at random"],
)  # fmt: skip
async def test_a_run_without_requests_is_no_pass(
    arguments: tuple[str, ...], code: int, words: str
) -> None:
    async with serve() as consumer:
        ended, said = await loadtest("--uri", consumer.uri, "--quiet", *arguments)
        assert not consumer.requests
    assert (ended, words in said) == (code, True), said


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        ("http_req_duration{status:2xx}: p(95)<200", "status:2xx never occurs"),
        ("http_req_duration{action:delete}: p(95)<200", "no request of this run has action:delete"),
        ("http_req_failed{fault:duplicate}: rate<1", "no request of this run has fault:duplicate"),
    ],
)
async def test_a_threshold_on_requests_that_are_not_made_is_refused_before_the_run(
    bound: str, words: str
) -> None:
    async with serve() as consumer:
        code, said = await loadtest("--uri", consumer.uri, *QUICK, "-t", bound)
        assert not consumer.requests
    assert (code, words in said) == (2, True), said


@pytest.mark.parametrize("bounds", ["p(99)<500", "dropped==0"])
async def test_no_highest_rate_is_found_of_a_consumer_that_is_not_there(bounds: str) -> None:
    async with dead() as uri:
        code, said = await loadtest(
            "--uri", uri, "--rate", "2", "--duration", "500ms", "--pause", "10ms", "--quiet",
            "--max-lag", "10s", "--find-max", bounds,
        )  # fmt: skip
    assert code != 0, said
    assert "No tried rate meets the bounds." in said


async def test_a_consumer_that_is_not_there_has_no_good_grade() -> None:
    async with dead() as uri:
        code, said = await loadtest("--uri", uri, *QUICK, "--conformance")
    assert code == 96, said
    assert "? the consumer was graded" in said
    assert "all answered correctly" not in said


async def test_reports_without_an_answer_are_merged_to_none(tmp_path: Path) -> None:
    files = [tmp_path / "one.json", tmp_path / "two.json"]
    async with dead() as uri:
        for file in files:
            assert (await loadtest("--uri", uri, *QUICK, "-o", str(file)))[0] == 96
    code, said = await loadtest("merge", *map(str, files))
    assert (code, "no request was answered" in said) == (96, True), said
    code, said = await loadtest("merge", *map(str, files), "-t", "p(99)<500")
    assert (code, "p(99)<500: no samples" in said) == (99, True), said
