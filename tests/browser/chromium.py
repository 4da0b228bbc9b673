"""Which browser there is, and how it is started."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import Browser

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

PATIENCE_MS = 15_000
"""For whatever shall be seen soon; a loaded machine is slow."""
CLOSE_S = 20.0


def missing() -> str:
    """What must be installed first; empty: nothing."""
    if find_spec("playwright") is None:
        return "requirements/browser.txt is not installed: run `make browser`"
    if _program() is None:
        return "no browser is installed (apt-get install chromium)"
    return ""


@asynccontextmanager
async def running_browser() -> AsyncIterator["Browser"]:
    """A browser without a window, for the time of a block."""
    from playwright.async_api import async_playwright, expect  # noqa: PLC0415 (not always there)

    expect.set_options(timeout=PATIENCE_MS)

    playwright = await async_playwright().start()
    try:
        browser = await playwright.chromium.launch(
            executable_path=_program(),
            chromium_sandbox=os.geteuid() != 0,  # root has none
            args=["--disable-dev-shm-usage", "--font-render-hinting=none"],
        )
        try:
            yield browser
        finally:
            await _ended(browser.close())
    finally:
        await _ended(playwright.stop())


async def _ended(closing: Coroutine[object, object, None]) -> None:
    """Wait for the end of what was asked to end; on a loaded machine it was once never told."""
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            await closing


def _program() -> str | None:
    return next(filter(None, map(shutil.which, PROGRAMS)), None)
