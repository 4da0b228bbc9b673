"""The charts of a load test's dashboard, drawn of seconds that are known."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import msgspec
import pytest
from playwright.async_api import Browser, Page, Route, expect

from portcall.loadtest.dashboard.address import Address
from portcall.loadtest.dashboard.history import KEPT_S, Point
from portcall.loadtest.dashboard.server import Dashboard
from portcall.loadtest.dashboard.state import Phase, RunState
from tests.browser.canvases import column
from tests.browser.visiting import House

PLANNED_S = 15
NOTHING = Point(0, 0, 0, 0, 0, 0, 0, {}, ())
STEADY = msgspec.structs.replace(
    NOTHING, planned=10, sent=10, answered=10, statuses={"200": 10}, latency=(1.0, 20.0, 300.0)
)
PLOTS = ("rate-plot", "latency-plot", "answers-plot")


def points_of(*changed: Point, until: int = PLANNED_S) -> list[Point]:
    """A steady run, but for some seconds."""
    by_second = {each.second: each for each in changed}
    steady = (msgspec.structs.replace(STEADY, second=second) for second in range(until))
    return list(({each.second: each for each in steady} | by_second).values())


@asynccontextmanager
async def shown(
    browser: Browser, points: Iterable[Point], duration_s: float = PLANNED_S
) -> AsyncIterator[Page]:
    """The page of a run that is over, which was told one point after the other.

    Raises:
        AssertionError: At the end: the page did what none may, as what its policy forbids.
    """
    begun = RunState("1", Phase.SENDING, "http://consumer/hook", "10/s", duration_s, 0, 0.0)
    told = [
        msgspec.structs.replace(begun, points=[each], elapsed_s=each.second + 1.0)
        for each in points
    ]
    end = msgspec.structs.replace(
        told[-1], phase=Phase.OVER, exit_code=0, ending="passed", words="passed"
    )
    events = [("state", each) for each in told] + [("end", end)]
    body = b"".join(
        b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(state))
        for name, state in events
    )

    async def tell(route: Route) -> None:
        await route.fulfill(body=body, content_type="text/event-stream; charset=utf-8")

    async with (
        Dashboard(Address(port=0)) as dashboard,
        House(browser, dashboard.url.removesuffix("/")).visit() as page,
    ):
        await page.route("**/events", tell)
        await page.goto("/")
        await expect(page.locator("#badge")).to_have_text("passed")
        yield page


async def test_each_chart_has_a_name_and_its_legend_says_the_newest_second(
    browser: Browser,
) -> None:
    async with shown(browser, points_of()) as page:
        for name in ("Rate", "Latency", "Answers by status"):
            await expect(page.get_by_role("img", name=name, exact=True)).to_be_visible()
        legends = {
            "rate-plot": ["time0:14", "planned10/s", "sent10/s", "answered10/s", "not sent0/s"],
            "latency-plot": ["time0:14", "p501 ms", "p9520 ms", "p99300 ms"],
            "answers-plot": ["time0:14", "20010/s"],
        }
        for plot, rows in legends.items():
            await expect(page.locator(f"#{plot} .u-series")).to_have_text(rows)


async def test_a_second_in_which_nothing_was_planned_breaks_the_lines_of_latency(
    browser: Browser,
) -> None:
    gaps = [msgspec.structs.replace(NOTHING, second=second) for second in (5, 6, 10)]
    async with shown(browser, points_of(*gaps)) as page:
        drawn = [await column(page, "latency-plot", at + 0.5, PLANNED_S) for at in range(PLANNED_S)]
        assert [at for at, colours in enumerate(drawn) if not colours] == [5, 6, 10]
        assert all(set(each) == {"planned", "service", "p99"} for each in drawn if each)


async def test_what_was_not_sent_is_an_area_and_the_plan_ends_before_the_answers(
    browser: Browser,
) -> None:
    left_out = msgspec.structs.replace(STEADY, second=3, sent=6, not_sent=4, answered=6)
    late = msgspec.structs.replace(NOTHING, second=PLANNED_S, answered=5, statuses={"200": 5})
    async with shown(browser, points_of(left_out, late)) as page:
        drawn = [await column(page, "rate-plot", at + 0.5, 16) for at in range(16)]
        assert [at for at, colours in enumerate(drawn) if colours.get("bad", 0) > 10] == [3]
        assert "planned" in drawn[3]
        assert "answered" in drawn[15]
        assert not {"planned", "wished"} & set(drawn[15])


async def test_answers_are_stacked_by_status_and_a_pointer_reads_each_second(
    browser: Browser,
) -> None:
    mixed = msgspec.structs.replace(STEADY, second=7, statuses={"200": 5, "404": 3, "503": 2})
    async with shown(browser, points_of(mixed)) as page:
        drawn = await column(page, "answers-plot", 7.9, PLANNED_S)
        height = sum(drawn.values())
        assert {name: round(10 * of / height) for name, of in drawn.items()} == {
            "answered": 5, "warn": 3, "bad": 2
        }  # fmt: skip
        assert set(await column(page, "answers-plot", 8.1, PLANNED_S)) == {"answered"}
        over = page.locator("#answers-plot .u-over")
        box = await over.bounding_box()
        assert box is not None
        await over.hover(position={"x": box["width"] * 7.9 / PLANNED_S, "y": 50})
        values = page.locator("#answers-plot .u-value")
        await expect(values).to_have_text(["0:07", "5/s", "3/s", "2/s"])
        await page.mouse.move(0, 0)
        await expect(values).to_have_text(["0:14", "10/s", "0/s", "0/s"])


async def test_a_long_run_keeps_its_charts_and_shows_the_last_ten_minutes(
    browser: Browser,
) -> None:
    async with shown(browser, points_of(until=KEPT_S + 100), 3600.0) as page:
        for plot in PLOTS:
            await expect(page.locator(f"#{plot} canvas")).to_have_count(1)
        for plot, at, clock in (("rate-plot", 1.5, "1:41"), ("latency-plot", 599.4, "11:39")):
            over = page.locator(f"#{plot} .u-over")
            box = await over.bounding_box()
            assert box is not None
            assert await column(page, plot, at, KEPT_S)
            await over.hover(position={"x": box["width"] * at / KEPT_S, "y": 50})
            await expect(page.locator(f"#{plot} .u-value").first).to_have_text(clock)


@pytest.mark.parametrize("width", [360, 1280])
async def test_charts_follow_the_theme_and_the_width_of_the_window(
    browser: Browser, width: int
) -> None:
    async with shown(browser, points_of()) as page:
        await page.emulate_media(color_scheme="dark")
        await page.set_viewport_size({"width": width, "height": 800})
        for plot in PLOTS:
            canvas = page.locator(f"#{plot} canvas")
            room = await page.locator(f"#{plot}").evaluate("it => it.clientWidth")
            await expect(canvas).to_have_js_property("clientWidth", room)
            assert await column(page, plot, 5.5, PLANNED_S)
