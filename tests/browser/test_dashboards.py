"""Grafana's dashboards, drawn by Grafana's own libraries with recorded answers of Prometheus.

No package has a Grafana server, so this is not one: `tests/browser/grafana/page` puts the parts
together that are on npm. What of a dashboard they cannot draw is an error here.
"""

import copy
import itertools
import re
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Error, Locator, Page, expect

from tests.browser.grafana.drawing import BUNDLE, MISSING, WIDTH, draw, drawing
from tests.browser.grafana.recording import Document, dashboards, legend, load, targets

DASHBOARDS = dashboards()
RECORDING = load()
EMPTY = {
    "skipped: {{why}}": "no message is broken",
    "past the router": "several events come together, so a router has them",
}
"""Queries by their legends whose recorded answer is empty, with the reason."""
UNITS = {
    "s": r"\d (s|ms|µs|mins?|hours?)",
    "bytes": r"\d (B|KiB|MiB|GiB)",
    "percentunit": r"\d%",
    "short": r"\d( K)?",
    "eps": r"\d( K)? evt/s",
    "mps": r"\d( K)? msg/s",
    "recps": r"\d( K)? rec/s",
    "reqps": r"\d( K)? req/s",
}
"""How Grafana writes the numbers of an axis, by the panel's unit."""
CLOCK = re.compile(r"\d\d:\d\d(:\d\d)?")


@pytest.fixture(autouse=True)
def bundled() -> None:
    if not (BUNDLE / "page.js").exists():
        pytest.skip(MISSING)


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """The page, without a dashboard yet; it may neither warn nor miss a file."""
    async with drawing(browser) as page:
        yield page


def panels(dashboard: Document) -> list[Document]:
    """Those of a dashboard that are charts."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def entries(panel: Document) -> list[str]:
    """What the legend of a panel must say."""
    return [
        legend(target["legendFormat"], series.metric)
        for target in panel["targets"]
        for series in RECORDING.answers[target["expr"]]
    ]


def of(page: Page, panel: Document) -> Locator:
    """The place of a panel or row."""
    return page.locator(f"[data-panel='{panel['id']}']")


@pytest.mark.parametrize("uid", DASHBOARDS)
async def test_a_query_without_an_answer_has_a_reason(uid: str) -> None:
    empty = {
        target["legendFormat"]
        for _, target in targets(DASHBOARDS[uid])
        if not RECORDING.answers[target["expr"]]
    }
    assert empty <= set(EMPTY)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("uid", DASHBOARDS)
async def test_each_panel_is_drawn_with_its_title_legend_unit_and_lines(
    page: Page, uid: str, mode: str
) -> None:
    dashboard = DASHBOARDS[uid]
    await draw(page, dashboard, RECORDING, mode)
    shown = [panel for panel in panels(dashboard) if entries(panel)]
    await expect(page.locator("canvas")).to_have_count(len(shown))
    await expect(page.get_by_text("No data")).to_have_count(len(panels(dashboard)) - len(shown))
    for panel in dashboard["panels"]:
        await expect(of(page, panel).get_by_role("heading")).to_have_text(panel["title"])
    for panel in shown:
        where = of(page, panel)
        await expect(where.locator("[data-testid^='data-testid VizLegend series']")).to_have_text(
            entries(panel)
        )
        await expect(where.get_by_test_id("title-items-container")).to_have_count(
            1 if panel["description"] else 0
        )
        await has_axes(where, panel)
        assert await where.locator("canvas").evaluate(_COLOURED) > 50, panel["title"]


async def has_axes(where: Locator, panel: Document) -> None:
    """Whether a chart's axes have the time, and its unit from 0 on."""
    texts: list[str] = await where.locator("canvas").evaluate("it => it.drawnTexts")
    values = [text for text in texts if text.strip() and not CLOCK.fullmatch(text)]
    assert len(texts) - len(values) >= 2, (panel["title"], texts)
    assert len(values) >= 2, (panel["title"], texts)
    unit = re.compile(rf"[\d,.]*{UNITS[panel['fieldConfig']['defaults']['unit']]}")
    assert not [text for text in values if not unit.fullmatch(text)], panel["title"]
    assert float(re.split(r"[ %]", values[0])[0]) == 0, panel["title"]


@pytest.mark.parametrize("uid", DASHBOARDS)
async def test_nothing_is_cut_and_no_panel_covers_another(page: Page, uid: str) -> None:
    dashboard = DASHBOARDS[uid]
    await draw(page, dashboard, RECORDING, "light")
    boxes = []
    for panel in dashboard["panels"]:
        box = await of(page, panel).bounding_box()
        assert box is not None
        assert box["x"] >= 0 and box["x"] + box["width"] <= WIDTH
        boxes.append(box)
    for one, other in itertools.combinations(boxes, 2):
        beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
        above = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
        assert beside or above
    for panel in panels(dashboard):
        assert not await of(page, panel).get_by_role("heading").evaluate(_CUT), panel["title"]
        if entries(panel):
            await expect(of(page, panel).locator("canvas")).to_be_visible()
            part = of(page, panel).get_by_test_id("data-testid viz-layout-legend")
            assert not await part.evaluate(_CUT), f"the legend of {panel['title']} is cut"


async def test_a_pointer_reads_the_values_and_the_description(page: Page) -> None:
    dashboard = DASHBOARDS["portcall-overview"]
    await draw(page, dashboard, RECORDING, "dark")
    panel = panels(dashboard)[0]
    await of(page, panel).locator(".u-over").hover()
    rows = [re.compile(rf"{name}[\d.]+ evt/s") for name in ("push", "delete")]
    await expect(page.get_by_test_id("SeriesTableRow")).to_have_text(rows)
    await of(page, panel).get_by_test_id("title-items-container").locator("svg").hover()
    await expect(page.get_by_text(panel["description"])).to_be_visible()


def _first(dashboard: Document) -> Document:
    return panels(dashboard)[0]


CHANGES: dict[str, tuple[Callable[[Document], object], str]] = {
    "a panel of another type": (
        lambda it: _first(it).update(type="stat"),
        "no panel of type stat",
    ),
    "a part of a panel": (
        lambda it: _first(it).update(transformations=[]),
        "does not know transformations",
    ),
    "a field's default": (
        lambda it: _first(it)["fieldConfig"]["defaults"].update(custom={"fillOpacity": 10}),
        "does not know custom",
    ),
    "a field's override": (
        lambda it: _first(it)["fieldConfig"]["overrides"].append({}),
        "overrides: the page draws none",
    ),
    "an option": (
        lambda it: _first(it)["options"]["legend"].update(calcs=["max"]),
        "does not know calcs",
    ),
    "another value of an option": (
        lambda it: _first(it)["options"]["tooltip"].update(mode="single"),
        'cannot draw "single"',
    ),
    "an option that is missing": (
        lambda it: _first(it)["options"]["legend"].pop("placement"),
        "placement is missing",
    ),
    "a folded row": (
        lambda it: it["panels"][0].update(collapsed=True),
        "cannot draw true",
    ),
    "a query that was not recorded": (
        lambda it: _first(it)["targets"][0].update(expr="up"),
        "nothing is recorded for up",
    ),
    "annotations": (
        lambda it: it.update(annotations={}),
        "does not know annotations",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_what_the_page_cannot_draw_is_an_error(browser: Browser, what: str) -> None:
    change, said = CHANGES[what]
    dashboard = copy.deepcopy(DASHBOARDS["portcall-overview"])
    change(dashboard)
    async with drawing(browser) as page:
        with pytest.raises(Error, match=re.escape(said)):
            await draw(page, dashboard, RECORDING, "light")


_CUT = """(it) => [it, ...it.querySelectorAll("*")].some((part) =>
  getComputedStyle(part).overflow !== "visible" &&
  (part.scrollHeight > part.clientHeight + 1 || part.scrollWidth > part.clientWidth + 1))"""
"""Whether something in an element is not shown, or only after scrolling."""
_COLOURED = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let at = 0; at < data.length; at += 4) {
    const [low, , high] = [data[at], data[at + 1], data[at + 2]].sort((a, b) => a - b);
    if (data[at + 3] > 100 && high - low > 60) found += 1;
  }
  return found;
}"""
