"""`portcall sink` as a process and as a server, right and wrong, under `portcall loadtest`'s POSTs."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from portcall.cli.ports import free_ports
from portcall.loadtest.checking import Checking, Inspector
from portcall.loadtest.judge.asking import until_settled
from portcall.loadtest.judge.oracle import Judgement, Processed, judge
from portcall.loadtest.judge.processed import ProcessedError, ask
from portcall.loadtest.measure.endings import UNCHECKED, WRONG
from portcall.loadtest.payloads.facts import FactMix
from portcall.loadtest.payloads.formats import ACR, FORMATS, Format
from portcall.loadtest.plan import Outcome
from portcall.loadtest.run import Limits, run
from portcall.loadtest.send.poster import Poster
from portcall.loadtest.send.sources import Deliveries, Workload
from portcall.loadtest.send.target import ConsumerTarget
from portcall.loadtest.signing import Signing, Style
from portcall.loadtest.sink.behaviour import Behaviour
from portcall.loadtest.sink.memory import Memory
from portcall.loadtest.sink.server import Sink, SinkRequest
from portcall.loadtest.sink.verifying import SinkKeys
from portcall.schemas.records import Failure
from tests.loopback import on_loopback
from tests.sink import eventually

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 (of the specification)


@asynccontextmanager
async def serving(
    behaviour: Behaviour | None = None,
    memory: Memory | None = None,
    tell: Callable[[SinkRequest], None] = lambda _seen: None,
    *,
    secrets: Sequence[str] = (SECRET,),
    takes_any: bool = False,
) -> AsyncIterator[str]:
    """A sink on the loopback."""
    sink = Sink(
        trust=SinkKeys.of(secrets),
        takes_any=takes_any,
        memory=memory or Memory(),
        behaviour=behaviour or Behaviour(),
        tell=tell,
    )
    async with on_loopback(sink.app()) as url:
        yield url


def made(count: int = 10, faults: dict[str, float] | None = None, payload: Format = ACR,
         style: Style = Style.STANDARD) -> Deliveries:  # fmt: skip
    traffic = Workload(FactMix({"push": 1}), Signing.of(style, SECRET), payload, faults or {})
    times = [number / 200 for number in range(count)]
    return Deliveries(times, traffic, seed=1, began_us=time.time_ns() // 1000)


async def send(url: str, deliveries: Deliveries, timeout_s: float = 5.0) -> list[Outcome]:
    """Send everything at once, but in its order."""
    outcomes = []
    async with Poster(ConsumerTarget.of(f"{url}/hook", {}), timeout_s=timeout_s) as poster:
        for planned in deliveries:
            deliveries.ledger.sent(planned)
            outcomes.append(await poster.ask(planned))
            deliveries.ledger.done(outcomes[-1])
    return outcomes


CHAT = b'{"text": "Pushed team/app:v1"}'


@pytest.mark.parametrize("body", [CHAT, b"[1]", b"not JSON", b""])
async def test_a_sink_may_take_what_is_no_registry_s_event_each_delivery_once(body: bytes) -> None:
    memory = Memory()
    async with (
        serving(memory=memory, secrets=(), takes_any=True) as url,
        aiohttp.ClientSession() as http,
    ):
        for _ in range(2):
            async with http.post(url, data=body, headers={"webhook-id": "msg_1"}) as answer:
                assert (answer.status, await answer.read()) == (200, b"")
    assert [entry["id"] for entry in memory.entries] == ["msg_1"]


async def test_a_sink_says_what_a_registry_s_event_would_have() -> None:
    async with (
        serving(secrets=()) as url,
        aiohttp.ClientSession() as http,
        http.post(url, data=CHAT) as answer,
    ):
        assert answer.status == 400
        said = await answer.json()
    assert said == {"result": "refused: body: is not a registry's event: it has no 'action'"}


async def verdict_on(url: str, deliveries: Deliveries) -> Judgement:
    entries = deliveries.ledger.sent_entries
    return judge(entries, await until_settled(f"{url}/processed", entries, settle_s=0.3))


@pytest.mark.parametrize("payload", FORMATS, ids=[each.name for each in FORMATS])
@pytest.mark.parametrize("style", Style)
async def test_the_sink_takes_every_sender_s_posts(payload: Format, style: Style) -> None:
    deliveries = made(payload=payload, style=style)
    async with serving() as url:
        assert {outcome.status for outcome in await send(url, deliveries)} == {200}
        verdict = await verdict_on(url, deliveries)
    assert verdict.right
    assert len(verdict.processed) == 10


async def test_requests_are_shown_and_kept() -> None:
    shown: list[SinkRequest] = []
    async with serving(tell=shown.append) as url, aiohttp.ClientSession() as http:
        await send(url, made(3))
        async with http.get(f"{url}/requests") as answer:
            told = await answer.json()
        async with http.delete(f"{url}/processed") as answer:
            assert answer.status == 204
        assert await ask(f"{url}/processed") == []
    assert [seen.verdict for seen in shown] == ["processed"] * 3
    assert [each["number"] for each in told["requests"]] == [3, 2, 1]
    assert told["counts"] == {"processed": 3}


@pytest.mark.parametrize(
    ("behaviour", "statuses"),
    [
        (Behaviour(status=418), {418}),
        (Behaviour(fail_rate=1.0, fail_status=502), {502}),
        (Behaviour(reset_rate=1.0), {0}),
    ],
    ids=["status", "fails", "resets"],
)
async def test_a_sink_that_fails_processes_nothing(
    behaviour: Behaviour, statuses: set[int]
) -> None:
    deliveries = made(3)
    async with serving(behaviour) as url:
        assert {outcome.status for outcome in await send(url, deliveries)} == statuses
        verdict = await verdict_on(url, deliveries)
    assert len(verdict.missing) == 3


async def test_a_sink_that_hangs_never_answers() -> None:
    async with serving(Behaviour(hang_rate=1.0)) as url:
        (outcome,) = await send(url, made(1), timeout_s=0.3)
    assert (outcome.status, outcome.failure) == (0, Failure.TIMEOUT)


async def test_a_sink_that_forgets_is_found_out() -> None:
    deliveries = made(40)
    async with serving(Behaviour(lose_rate=0.5)) as url:
        assert {outcome.status for outcome in await send(url, deliveries)} == {200}
        verdict = await verdict_on(url, deliveries)
    assert 8 < len(verdict.lost) < 32
    assert not verdict.missing


async def test_a_sink_that_fails_late_has_processed_it() -> None:
    deliveries = made(3)
    async with serving(Behaviour(fail_late_rate=1.0, retry_after="7")) as url:
        assert {outcome.status for outcome in await send(url, deliveries)} == {503}
        assert (await verdict_on(url, deliveries)).right


async def test_a_fragile_sink_answers_500_to_what_it_cannot_read() -> None:
    faults = {"malformed-signature": 1.0}
    async with serving(Behaviour(fragile=True)) as url:
        fragile = {outcome.status for outcome in await send(url, made(13, faults))}
    async with serving() as url:
        right = {outcome.status for outcome in await send(url, made(13, faults))}
    assert 500 in fragile
    assert right <= {400, 401}


async def test_a_racy_sink_processes_what_comes_twice_at_once_twice() -> None:
    deliveries = made(20, {"duplicate-concurrent": 1.0})
    behaviour = Behaviour(racy=True, delay_s=0.5)
    async with serving(behaviour) as url:
        target = ConsumerTarget.of(f"{url}/hook", {})
        await run(target, deliveries, limits=Limits(), observers=[deliveries.ledger])
        assert len((await verdict_on(url, deliveries)).twice) == 20


@pytest.mark.parametrize("close", [True, False])
async def test_connections_are_kept_or_closed(close: bool) -> None:  # noqa: FBT001 (a parameter)
    async with serving(Behaviour(close=close)) as url:
        outcomes = await send(url, made(3))
    assert [outcome.reused for outcome in outcomes] == [False, not close, not close]


async def test_the_consumer_is_asked_by_url_file_or_command(tmp_path: Path) -> None:
    path = tmp_path / "ids.txt"
    path.write_text("a\nb stale\n")
    expected = [Processed("a"), Processed("b", stale=True)]
    assert await ask(str(path)) == expected
    assert await ask(f"cat {path}") == expected
    async with serving() as url:
        assert await ask(f"{url}/processed") == []
        with pytest.raises(ProcessedError, match="answered 405"):
            await ask(f"{url}/hook")


@pytest.mark.parametrize("where", ["false", "echo '{'", "http://127.0.0.1:1/x", "exit 3"])
async def test_a_consumer_that_cannot_be_asked_is_told(where: str) -> None:
    with pytest.raises(ProcessedError, match="--processed"):
        await ask(where)


async def test_a_consumer_that_is_still_at_work_is_waited_for(tmp_path: Path) -> None:
    deliveries = made(1)
    async with serving() as url:
        await send(url, deliveries)
    (entry,) = deliveries.ledger.sent_entries
    path = tmp_path / "ids.txt"
    path.write_text("")

    async def work() -> None:
        await asyncio.sleep(0.7)
        path.write_text(entry.delivery_id)

    worker = asyncio.create_task(work())
    assert await until_settled(str(path), [entry]) == [Processed(entry.delivery_id)]
    await worker


@asynccontextmanager
async def command(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """`portcall sink` as a process; ended by SIGINT, as by Ctrl-C."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "portcall.cli.main", "sink", "--port", "0", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    assert process.stderr is not None
    try:
        words = (await asyncio.wait_for(process.stderr.readline(), 20)).decode().split()
        yield process, words[2].rstrip(";")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_the_command_shows_requests_as_json_and_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "processed.jsonl"
    async with command("--secret", SECRET, "--file", str(path)) as (process, url):
        await send(url, made(2))
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    assert [json.loads(text)["verdict"] for text in out.splitlines()] == ["processed"] * 2
    assert b"2 requests: 2 processed" in err
    assert [each.stale for each in await ask(str(path))] == [False, False]


async def test_a_port_that_is_taken_is_told_in_a_line() -> None:
    async with serving() as url:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "portcall.cli.main", "sink", "--port", url.rpartition(":")[2],
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert err.startswith(b"error: cannot listen on 127.0.0.1:")


async def test_a_crash_in_the_middle_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    """The sink is killed by --kill-cmd; what it answered 2xx is in its file."""
    path = tmp_path / "processed.jsonl"
    async with command("--secret", SECRET, "--file", str(path), "--quiet") as (process, url):
        deliveries = made(100)
        checking = Checking(
            processed=str(path), kill_cmd=f"kill -9 {process.pid}", kill_at_s=0.25, settle_s=0.3
        )
        inspector = Inspector(checking, deliveries, deliveries.traffic, seed=1)
        target = ConsumerTarget.of(f"{url}/hook", {})
        ended = await run(
            target, deliveries, limits=Limits(timeout_s=2), observers=inspector.observers
        )
        sections = await inspector.sections(ended.elapsed_s, lambda: Poster(target, timeout_s=2))
        await eventually(lambda: process.returncode is not None, within_s=10, what="it is dead")
    found = {section.title: section for section in sections}
    assert found["A crash in the middle"].findings[0].ok
    oracle = found["Is the consumer correct?"].metrics
    assert oracle["lost_after_accept"].values["count"] == 0
    assert (oracle["missing"].values["count"] or 0) > 0
    assert (oracle["processed"].values["count"] or 0) > 20


async def test_a_grade_without_a_consumer_is_a_finding() -> None:
    deliveries = made(1)
    checking = Checking(processed="false", conformance=True)
    inspector = Inspector(checking, deliveries, deliveries.traffic, seed=1)
    target = ConsumerTarget.of(f"http://127.0.0.1:{free_ports(1)[0]}/", {})
    ended = await run(target, deliveries, limits=Limits(), observers=inspector.observers)
    sections = await inspector.sections(ended.elapsed_s, lambda: Poster(target, timeout_s=2))
    failed = [
        finding for section in sections for finding in section.findings if finding.ok is False
    ]
    assert [finding.name for finding in failed] == [
        "valid deliveries are accepted",
        "the consumer was asked",
        "the consumer was graded",
    ]
    assert "refused" in failed[2].detail
    assert [finding.code for finding in failed] == [WRONG, UNCHECKED, UNCHECKED]
