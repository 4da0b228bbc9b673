"""`portcall emit` against the producer's real HTTP."""

import asyncio
import json
import re
import signal
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from portcall.cli import refusals
from portcall.cli.main import run
from portcall.runtime.errors import RefusedError
from portcall.schemas.events import Event
from tests.integration.producing import TOKEN, Served, Sink, poll, served


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
async def producer(
    sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Served]:
    async with served(sink.publish) as producer:
        ready = {
            "management_url": "http://127.0.0.1:1",
            "producer_url": producer.url,
            "token": TOKEN,
            "subscription": "s",
            "resource_group": "portcall",
        }
        (tmp_path / "ready.json").write_text(json.dumps(ready))
        monkeypatch.setenv("PORTCALL_HOME", str(tmp_path))
        monkeypatch.delenv("PORTCALL_TOKEN", raising=False)
        yield producer


async def emit(*arguments: str) -> int:
    """Run the command as a shell would, and give its exit code."""
    return await asyncio.to_thread(run, ["emit", *arguments])


async def test_events_arrive_and_the_summary_says_so(
    producer: Served, sink: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    code = await emit(
        "-r", "MyRegistry", "--count", "205", "--batch", "20", "--action", "push:3,delete:1",
        "--repositories", "3", "--seed", "7", "-o", "json",
    )  # fmt: skip
    assert code == 0
    assert len({event.id for event in sink.events}) == 205
    assert {event.action for event in sink.events} == {"push", "delete"}
    assert {event.repository for event in sink.events} == {f"synthetic/repo-{n}" for n in (1, 2, 3)}
    out, err = capsys.readouterr()
    summary = json.loads(out)
    assert (summary["accepted"], summary["failed"], summary["retries"]) == (205, 0, 0)
    assert "error" not in err


async def test_the_summary_is_a_table_where_asked(
    producer: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await emit("-r", "myregistry", "--count", "3", "-o", "table") == 0
    header, _, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["REGISTRY", "ACCEPTED", "FAILED", "RETRIES", "SECONDS", "EVENTS/S"]
    assert row.split()[:4] == ["myregistry", "3", "0", "0"]


async def test_the_rate_is_kept_to(producer: Served, sink: Sink) -> None:
    began = time.monotonic()
    assert await emit("-r", "myregistry", "--count", "21", "--rate", "40") == 0
    assert 0.5 <= time.monotonic() - began < 5
    assert len(sink.events) == 21


async def test_ctrl_c_ends_it_with_a_summary(producer: Served, sink: Sink) -> None:
    arguments = ("emit", "-r", "myregistry", "--count", "1000", "--rate", "5", "-o", "json")
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "portcall.cli.main", *arguments, stdout=PIPE, stderr=PIPE
    )
    await poll(sink.has_events)
    started.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(started.communicate(), 10)
    summary = json.loads(out)
    assert started.returncode == 1
    assert summary["accepted"] + summary["failed"] == 1000
    assert summary["accepted"] <= len(sink.events) < 1000
    said = re.search(
        rb"interrupted: (\d+) of 1000 events were accepted, (\d+) .* (\d+) were not", err
    )
    assert said is not None and b"Traceback" not in err, err
    accepted, unanswered, unsent = map(int, said.groups())
    assert accepted == summary["accepted"]
    assert accepted + unanswered + unsent == 1000
    assert len(sink.events) <= accepted + unanswered


@dataclass
class Unsteady:
    """Refuses every other request."""

    events: list[Event] = field(default_factory=list)
    asked: int = 0

    async def publish(self, events: Sequence[Event]) -> None:
        self.asked += 1
        if self.asked % 2:
            raise RefusedError("a queue is full")
        self.events.extend(events)


async def test_what_was_503_is_sent_again_with_the_same_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORTCALL_HOME", str(tmp_path))
    monkeypatch.setattr(refusals, "MAX_WAIT_S", 0.01)
    unsteady = Unsteady()
    async with served(unsteady.publish) as producer:
        code = await emit(
            "-r", "myregistry", "--count", "10", "--batch", "5", "--concurrency", "1",
            "--url", producer.url, "--token", TOKEN, "-o", "json",
        )  # fmt: skip
    assert code == 0
    assert len({event.id for event in unsteady.events}) == len(unsteady.events) == 10
    summary = json.loads(capsys.readouterr().out)
    assert (summary["accepted"], summary["failed"], summary["retries"]) == (10, 0, 2)


async def test_what_is_never_accepted_is_told_and_fails(
    producer: Served,
    sink: Sink,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(refusals, "MAX_WAIT_S", 0.0)
    sink.error = RefusedError("a queue is full")
    assert await emit("-r", "myregistry", "--count", "3", "-o", "json") == 1
    out, err = capsys.readouterr()
    summary = json.loads(out)
    assert (summary["accepted"], summary["failed"], summary["retries"]) == (0, 3, 27)
    assert "3 of 3 events were not accepted" in err and "a queue is full" in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-r", "nobody1"], 3, "(RegistryNotFound)"),
        (["-r", "myregistry", "--token", "x" * 16], 1, "(Unauthorized)"),
        (["-r", "my-registry"], 2, "--registry"),
        (["-r", "myregistry", "--action", "pull"], 2, "--action"),
        (["-r", "myregistry", "--count", "0"], 2, "--count"),
        (["-r", "myregistry", "--batch", "1001"], 2, "--batch"),
        (
            ["-r", "myregistry", "--url", "http://127.0.0.1:9", "--token", TOKEN],
            1,
            "does not answer",
        ),
        (["-r", "myregistry", "--url", "nonsense", "--token", TOKEN], 1, "does not answer"),
        (["-r", "myregistry", "--url", "http://127.0.0.1:9"], 2, "PORTCALL_TOKEN"),
        ([], 2, "--registry"),
    ],
)
async def test_what_cannot_work_says_why(
    producer: Served,
    sink: Sink,
    capsys: pytest.CaptureFixture[str],
    *,
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    assert await emit(*arguments) == code
    assert said in capsys.readouterr().err
    assert sink.events == []
