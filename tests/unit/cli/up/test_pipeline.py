"""The pipeline of `portcall up`, without processes."""

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from portcall.cli.up import pipeline
from portcall.cli.up.pipeline import Pipeline
from portcall.cli.up.ready import ReadyFile


class FakeSupervisor:
    """Everything is ready at once."""

    services = ()

    def __init__(self, *_arguments: object, **_options: object) -> None:
        pass

    async def run(self) -> None:
        pass

    async def until_ready(self, _tell: object) -> None:
        pass


async def test_what_is_told_when_all_is_ready_holds_up_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks for a link, by a blocking request; meanwhile the supervisor must see its children."""
    loop, turned = asyncio.get_running_loop(), threading.Event()
    told: list[bool] = []

    def tell() -> None:
        loop.call_soon_threadsafe(turned.set)
        told.append(turned.wait(5.0))

    async def nothing(*_arguments: object) -> None:
        pass

    monkeypatch.setattr(pipeline, "Supervisor", FakeSupervisor)
    monkeypatch.setattr(pipeline, "prepare_store", lambda _plan: ())
    monkeypatch.setattr(ReadyFile, "publish", lambda *_arguments: None)
    monkeypatch.setattr(Pipeline, "_services", lambda *_arguments: [])
    monkeypatch.setattr(Pipeline, "_addresses", lambda *_arguments: None)
    monkeypatch.setattr(Pipeline, "_declare", nothing)
    home = SimpleNamespace(ready_file=tmp_path / "ready.json")
    plan: Any = SimpleNamespace(amqp_url="amqp://127.0.0.1", home=home, compact=True)
    http: Any = None
    await Pipeline(plan, on_ready=tell)._serve(http)
    assert told == [True]
