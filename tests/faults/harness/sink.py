"""The hostile sink as the scenarios hold it: a process, its scripts, its journal."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import aiohttp
import msgspec

from portcall.cli import children
from portcall.cli.ports import HOST, free_ports
from tests import ROOT
from tests.faults.harness.journals import Post, PostJournal
from tests.faults.harness.scripts import Script
from tests.faults.harness.sink_server import SCRIPTS
from tests.sink import eventually


class HostileSink:
    """A sink that does as it is told, and writes down what reached it.

    Args:
        folder: Where its journal is.
        http: Tells it what to do.
    """

    def __init__(self, folder: Path, http: aiohttp.ClientSession) -> None:
        self._folder = folder
        self._http = http
        self._port = free_ports(1)[0]
        self.url = f"http://{HOST}:{self._port}"
        self._process: children.Process | None = None
        self._journal = PostJournal()
        self._lines: IO[str] | None = None

    async def start(self) -> None:
        """Start it, and return when it answers."""
        path = self._folder / "posts.jsonl"
        module = "tests.faults.harness.sink_server"
        with (self._folder / "sink.log").open("wb") as log:
            self._process = await children.spawn(
                [sys.executable, "-P", "-m", module, str(self._port), str(path)],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                mark=str(self._folder),
                stdout=log,
            )
        await eventually(self._answers, within_s=15, what="the sink answers")
        self._lines = path.open()

    async def stop(self) -> None:
        """End it."""
        if self._process is not None:
            await children.end(self._process, grace_s=2)
        if self._lines is not None:
            self._lines.close()

    @property
    def posts(self) -> list[Post]:
        """What has reached it so far."""
        assert self._lines is not None
        self._journal.take(self._lines.read())
        return self._journal.posts

    async def plays(self, scripts: Mapping[str, Script]) -> None:
        """Do this at these paths from now on; the path ``*`` is everybody else's."""
        async with self._http.put(self.url + SCRIPTS, data=msgspec.json.encode(scripts)) as answer:
            assert answer.status == 200

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(HOST, self._port)
        except OSError:
            return False
        writer.close()
        return True
