"""The page that draws dashboards, opened in a browser; `scripts/dashboard-page` bundles it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from aiohttp import web

from tests import ROOT
from tests.browser.grafana.recording import Document, Recording
from tests.browser.visiting import House
from tests.loopback import on_loopback

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

BUNDLE = ROOT / ".cache" / "dashboards"
MISSING = "there is no .cache/dashboards: `make browser` bundles it, or says why it cannot"
WIDTH, HEIGHT = 1440, 2000
_KEEP_TEXTS = """
const { fillText, clearRect } = CanvasRenderingContext2D.prototype;
CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
  (this.canvas.drawnTexts ??= []).push(text);
  return fillText.call(this, text, ...place);
};
CanvasRenderingContext2D.prototype.clearRect = function (...place) {
  this.canvas.drawnTexts = [];
  return clearRect.apply(this, place);
};
"""
"""A chart's axes are pixels: what was written on a canvas is kept beside it."""


@asynccontextmanager
async def drawing(browser: "Browser") -> AsyncIterator["Page"]:
    """The page, which has not drawn anything yet, for the time of a block.

    Raises:
        AssertionError: At the end: an error or a warning in the console, or a file that is missing.
    """
    app = web.Application()
    app.router.add_static("/", BUNDLE)
    size = {"width": WIDTH, "height": HEIGHT}
    async with on_loopback(app) as url, House(browser, url).visit(viewport=size) as page:
        await page.context.add_init_script(_KEEP_TEXTS)
        await page.goto("/index.html")
        yield page


async def draw(page: "Page", dashboard: Document, recording: Recording, mode: str) -> None:
    """Draw a dashboard.

    Args:
        page: Of `drawing`.
        dashboard: As Grafana imports it.
        recording: Has the answers to its queries.
        mode: Of the theme: light or dark.

    Raises:
        playwright.async_api.Error: The dashboard has something that the page cannot draw.
    """
    arguments = [dashboard, asdict(recording), mode]
    await page.evaluate(
        "([dashboard, recording, mode]) => draw(dashboard, recording, mode)", arguments
    )
    await page.wait_for_load_state("networkidle")  # its icons
