"""The load test's own requests: where they go, and that their URIs arrive as they were given."""

import asyncio
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from portcall.loadtest.http2.poster import Http2Poster
from portcall.loadtest.judge.processed import ProcessedError, ask
from portcall.loadtest.send.poster import Poster
from portcall.loadtest.send.target import ConsumerTarget
from portcall.schemas.errors import InvalidValueError
from tests.integration.deliverer.certificates import server_context
from tests.integration.deliverer.endpoints import OK, Received, answering, endpoint, response
from tests.integration.loadtest.consumer import request
from tests.integration.loadtest.http2_consumer import serve_http2
from tests.integration.loadtest.test_sink import serving
from tests.signedtargets import RESTS, is_signed, signed, signed_targets, target_of

if TYPE_CHECKING:
    from portcall.loadtest.plan import Outcome
    from portcall.loadtest.sink.server import SinkRequest

LISTED = response(200, "Content-Type: application/json", content=b'["msg_1"]')


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every name leads to the loopback; gives those that were asked for."""
    asked: list[str] = []

    async def resolve(
        _: object, host: str, port: int = 0, __: socket.AddressFamily = socket.AF_INET
    ) -> list[dict[str, Any]]:
        asked.append(host)
        return [
            {
                "hostname": host, "host": "127.0.0.1", "port": port, "family": socket.AF_INET,
                "proto": 0, "flags": 0,
            }
        ]  # fmt: skip

    monkeypatch.setattr(aiohttp.AsyncResolver, "resolve", resolve)
    return asked


async def test_every_target_arrives_as_it_was_signed() -> None:
    async with signed_targets() as receiver:
        for rest in RESTS.values():
            uri = f"http://127.0.0.1:{receiver.port}{signed(rest)}"
            async with Poster(ConsumerTarget.of(uri, {}), timeout_s=5) as poster:
                assert (await poster.ask(request(0))).status == 200
    assert [target_of(each) for each in receiver.requests] == [*map(signed, RESTS.values())]


async def test_a_host_with_a_dot_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    tls = server_context(tmp_path, name="dot.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    async with endpoint(answering(OK), tls=tls) as consumer:
        target = ConsumerTarget.of(f"https://Dot.example.:{consumer.port}/", {})
        async with Poster(target, timeout_s=5) as poster:
            outcome = await poster.ask(request(0))
    assert outcome.status == 200, outcome.message
    assert names == ["dot.example"]
    assert consumer.requests[0].headers["host"] == f"Dot.example.:{consumer.port}"


async def test_a_host_with_a_dot_at_its_end_over_http_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    tls = server_context(tmp_path, name="dot.example")
    tls.set_alpn_protocols(["h2"])
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    async with serve_http2(tls) as consumer:
        uri = consumer.uri.replace("127.0.0.1", "dot.example.")
        async with Http2Poster(ConsumerTarget.of(uri, {}), timeout_s=5) as poster:
            done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
            poster.post(request(0), done.set_result)
            outcome = await done
    assert outcome.status == 200, outcome.message
    assert consumer.headers[0][":authority"].startswith("dot.example.:")
    assert set(names) == {"dot.example"}


async def test_localhost_with_a_dot_at_its_end() -> None:
    async with endpoint(answering(OK)) as consumer:
        target = ConsumerTarget.of(f"http://localhost.:{consumer.port}/", {})
        async with Poster(target, timeout_s=5) as poster:
            assert (await poster.ask(request(0))).status == 200


@pytest.mark.parametrize("rest", RESTS.values(), ids=RESTS)
async def test_what_was_processed_is_asked_for_at_the_url_as_given(rest: str) -> None:
    async with endpoint(answering(LISTED)) as consumer:
        [entry] = await ask(f"HTTP://u:p%40x@127.0.0.1:{consumer.port}{signed(rest)}")
    assert entry.delivery_id == "msg_1"
    [asked] = consumer.requests
    assert asked.lines[0] == f"GET {signed(rest)} HTTP/1.1"
    assert asked.headers["authorization"] == "Basic dTpwQHg="


async def test_a_url_for_what_was_processed_that_is_none_is_told_plainly() -> None:
    with pytest.raises(InvalidValueError, match="--processed: contains a space at character 20"):
        await ask("http://127.0.0.1/a/ b")
    with pytest.raises(ProcessedError, match="could not be read"):
        await ask("http://127.0.0.1:1/?")


def test_the_receiver_of_these_tests_refuses_a_target_that_was_changed() -> None:
    """A receiver that takes anything would show nothing."""
    right = signed("/a/../b%2f?")
    changed = [right[:-1], right.replace("%2f", "%2F"), right.replace("/a/../b", "/b"), "/", ""]
    for target, good in ((right, True), *((each, False) for each in changed)):
        assert is_signed(Received(f"POST {target} HTTP/1.1\r\n\r\n".encode(), b"")) is good


async def test_the_sink_shows_targets_as_they_arrived() -> None:
    seen: list[SinkRequest] = []
    async with serving(tell=seen.append) as url:
        for rest in RESTS.values():
            async with Poster(ConsumerTarget.of(f"{url}{signed(rest)}", {}), timeout_s=5) as poster:
                await poster.ask(request(0))
    assert [each.path for each in seen] == [*map(signed, RESTS.values())]
