"""Load tests as somebody runs them, with their dashboard in a browser."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.browser.visiting import House

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

ENDS_S = 60


@dataclass(frozen=True)
class Run:
    """A load test that goes on, and the page that shows it.

    Attributes:
        process: `portcall loadtest`.
        page: Of somebody who looks.
        report: The file that it writes at its end.
    """

    process: Process
    page: "Page"
    report: Path

    async def reported(self) -> dict[str, Any]:
        """Wait for the end, and read what the report says."""
        async with asyncio.timeout(ENDS_S):
            await self.process.communicate()
        report = json.loads(self.report.read_text(encoding="utf-8"))
        assert isinstance(report, dict)
        return report


@asynccontextmanager
async def started(report: Path, uri: str, *words: str) -> AsyncIterator[tuple[Process, str]]:
    """A load test of *uri* with its dashboard, and where that is, for the time of a block.

    Args:
        report: The file that it writes at its end.
        uri: The consumer.
        *words: Of the command line, besides; a busy machine is no fault.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "portcall.cli.main", "loadtest", "--uri", uri, "--max-lag", "1m", "--quiet",
        "--output", f"json={report}", "--dashboard", ":0", *words, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        line = (await process.stderr.readline()).decode()
        yield process, line.removeprefix("Dashboard: ").strip()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def watched(browser: "Browser", folder: Path, uri: str, *words: str) -> AsyncIterator[Run]:
    """The same, and a page that shows it.

    Raises:
        AssertionError: At the end: the page did what none may.
    """
    report = folder / "report.json"
    async with (
        started(report, uri, *words) as (process, url),
        House(browser, url.removesuffix("/")).visit() as page,
    ):
        await page.goto("/")
        yield Run(process, page, report)
