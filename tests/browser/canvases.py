"""What the canvases of a load test's dashboard show."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import Page


async def column(page: "Page", plot: str, second: float, seconds: float) -> dict[str, int]:
    """The colours at one time of a chart, each with its height in pixels.

    Args:
        page: Shows the dashboard.
        plot: The id of the chart's element.
        second: From the left edge of the chart.
        seconds: From the left edge to the right.
    """
    found = await page.evaluate(_COLUMN, [plot, second / seconds])
    assert isinstance(found, dict)
    return found


_COLUMN = """([plot, part]) => {
  const names = ["wished", "planned", "service", "p99", "answered", "bad", "warn", "other", "none"];
  const known = Object.fromEntries(names.toReversed().map((name) => [chartLook.ink(name), name]));
  const over = document.querySelector(`#${plot} .u-over`), canvas = document.querySelector(`#${plot} canvas`);
  const x = Math.floor(over.offsetLeft + over.clientWidth * part);
  const copy = new OffscreenCanvas(1, over.clientHeight).getContext("2d");
  copy.drawImage(canvas, -x, -over.offsetTop);
  const pixels = copy.getImageData(0, 0, 1, over.clientHeight).data;
  const found = {};
  for (let at = 0; at < pixels.length; at += 4) {
    const name = known[`rgb(${pixels[at]}, ${pixels[at + 1]}, ${pixels[at + 2]})`];
    if (name && pixels[at + 3] === 255) found[name] = (found[name] || 0) + 1;
  }
  return found;
}"""
