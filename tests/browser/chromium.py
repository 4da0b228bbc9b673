"""Which browser there is, and how it is started."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import Browser

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

PATIENCE_MS = 15_000
"""For whatever shall be seen soon; a loaded machine is slow."""


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

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=_program(),
            chromium_sandbox=os.geteuid() != 0,  # root has none
            args=["--disable-dev-shm-usage", "--font-render-hinting=none"],
        )
        yield browser
        await browser.close()


def _program() -> str | None:
    return next(filter(None, map(shutil.which, PROGRAMS)), None)
