"""The dashboard of a load test, and its HTML report, as somebody sees them who looks."""

import re
import signal
from pathlib import Path

from playwright.async_api import Browser, Page, expect
from yarl import URL

from portcall.loadtest.report.wording import milliseconds
from tests.browser.accessibility import check
from tests.browser.canvases import column
from tests.browser.loadtests import started, watched
from tests.sink import Sink

RATE = ("--rate", "50")
FAULTS = "all,truncated-json:20%"
"""The sink takes everything, so it fails at the last one."""


async def figure(page: Page, name: str) -> int:
    """One of the big numbers."""
    text = (await page.locator(f"#{name}").text_content() or "").replace(",", "")
    return int(text) if text.isdigit() else 0


async def goes_on(page: Page, name: str) -> None:
    """Wait until a figure has grown twice."""
    for _ in range(2):
        before = await page.locator(f"#{name}").text_content() or ""
        await expect(page.locator(f"#{name}")).not_to_have_text(before)
        assert await figure(page, name) > int(before) if before.isdigit() else True


async def test_a_run_is_watched_turned_and_ends_with_the_figures_of_its_report(
    browser: Browser, sink: Sink, tmp_path: Path
) -> None:
    words = (
        *RATE,
        "-d",
        "12s",
        "-t",
        "http_req_failed: rate<0.01",
        "-t",
        "retry_amplification: value>=1000",
    )
    async with watched(browser, tmp_path, f"{sink.url}/hook", *words) as run:
        page = run.page
        await expect(page.get_by_role("heading", level=1)).to_have_text(
            f"Load test of {sink.url}/hook"
        )
        await expect(page.locator("#badge")).to_have_text("running")
        await goes_on(page, "sent")
        thresholds = page.locator("#thresholds tr")
        await expect(thresholds.nth(0)).to_have_text("✓ http_req_failed: rate<0.010")
        await expect(thresholds.nth(1)).to_have_text(
            "? retry_amplification: value>=1000not known yet"
        )

        await page.get_by_role("button", name="+ more").click()
        await expect(page.locator("#turned")).to_have_text("now \N{MULTIPLICATION SIGN}1.1")
        await page.get_by_label("times the plan").fill("3")
        await page.get_by_role("button", name="set").click()
        await expect(page.locator("#turned")).to_have_text("now \N{MULTIPLICATION SIGN}3")
        await page.get_by_label("times the plan").fill("1000")
        await page.get_by_role("button", name="set").click()  # the browser says why not
        await expect(page.locator("#turned")).to_have_text("now \N{MULTIPLICATION SIGN}3")

        await expect(page.locator("#badge")).to_have_text("failed")
        await expect(page.get_by_role("alert")).to_have_text(
            "failed: retry_amplification: value>=1000"
        )
        report = await run.reported()
        portcall, metrics = report["portcall"], report["metrics"]
        assert run.process.returncode == 99
        plan = portcall["about"]["plan"]
        assert re.search(r"changed by hand: x1\.1 from \d+\.\d s, x3 from \d+\.\d s$", plan)
        await expect(page.locator("#about")).to_contain_text(plan)
        assert [await figure(page, name) for name in ("planned", "sent", "not-sent", "failed")] == [
            portcall["planned"], portcall["sent"], portcall["notSent"], 0
        ]  # fmt: skip
        assert portcall["sent"] == len(sink.at("/hook")) > 12 * 50
        values = metrics["http_req_scheduled_duration"]["values"]
        for name, key in (("p50", "med"), ("p95", "p(95)"), ("p99", "p(99)")):
            await expect(page.locator(f"#{name}")).to_have_text(milliseconds(values[key]))
        values = metrics["http_req_duration"]["values"]
        await expect(page.locator("#service")).to_have_text(milliseconds(values["p(99)"]))
        await expect(page.locator("#statuses tbody tr")).to_have_text(
            [f"■ 200{portcall['sent']:,}100.00%"]
        )
        await expect(page.get_by_role("button", name="+ more")).to_be_disabled()
        drawn = [await column(page, "answers-plot", at + 0.5, 12) for at in range(12)]
        assert all("answered" in colours for colours in drawn)
        await check(page)


async def test_a_consumer_that_fails_is_seen_as_one_while_the_run_goes_on(
    browser: Browser, sink: Sink, tmp_path: Path
) -> None:
    sink.always("/hook", 503)
    words = (*RATE, "-d", "5m", "-t", "rate<0.01", "--arrivals", "poisson")
    async with watched(browser, tmp_path, f"{sink.url}/hook", *words) as run:
        page = run.page
        await goes_on(page, "failed")
        await expect(page.locator("#failed-share")).to_have_text(", 100.00%")
        await expect(page.locator("#statuses tbody tr")).to_contain_text("503")
        await expect(page.locator("#thresholds tr")).to_have_text("✗ http_req_failed: rate<0.011")
        await page.emulate_media(reduced_motion="reduce")
        await check(page)
        run.process.send_signal(signal.SIGINT)
        await expect(page.locator("#badge")).to_have_text("failed")
        report = await run.reported()
        assert await figure(page, "failed") == report["portcall"]["sent"]


async def test_a_search_shows_each_rate_and_what_was_found(
    browser: Browser, sink: Sink, tmp_path: Path
) -> None:
    words = ("-d", "2s", "--pause", "1s", "--find-max", "http_reqs: count<150")
    async with watched(browser, tmp_path, f"{sink.url}/hook", *RATE, *words) as run:
        page = run.page
        tried = page.locator("#tried tbody tr")
        await expect(tried).to_have_count(1)
        await expect(page.locator("#badge")).to_have_text("pausing")
        await expect(tried.first).to_contain_text("50/s")
        await expect(tried.first).to_contain_text("held")
        await expect(page.locator("#knob")).to_be_hidden()
        await expect(page.locator("#badge")).to_have_text("passed", timeout=60_000)
        report = (await run.reported())["portcall"]
        (saturation,) = [each for each in report["sections"] if each["title"] == "Saturation"]
        await expect(page.locator("#found")).to_have_text(saturation["words"][0])
        await expect(tried).to_have_count(len(saturation["rows"]))
        await expect(page.locator("#about")).to_contain_text(report["about"]["plan"])
        assert await figure(page, "sent") == report["sent"]
        await check(page)


async def test_a_page_that_lost_its_run_says_so_and_finds_the_next_one_there(
    browser: Browser, sink: Sink, tmp_path: Path
) -> None:
    report, uri = tmp_path / "report.json", f"{sink.url}/hook"
    context = await browser.new_context()  # nobody watches it: lost connections are errors
    try:
        page = await context.new_page()
        async with started(report, uri, *RATE, "-d", "5m") as (process, url):
            await page.goto(url)
            await goes_on(page, "sent")
            process.kill()
        await expect(page.get_by_role("alert")).to_contain_text("does not answer", timeout=60_000)
        assert await figure(page, "sent") > 0
        await expect(page.get_by_role("button", name="+ more")).to_be_disabled()
        again = ("--rate", "20", "-d", "15s", "--dashboard", f":{URL(url).port}")
        async with started(report, uri, *again):
            await expect(page.locator("#badge")).to_have_text("running", timeout=60_000)
            await expect(page.get_by_role("alert")).to_be_hidden()
            await expect(page.locator("#about")).to_contain_text("20/s for 15 s")
            await expect(page.locator("#badge")).to_have_text("passed", timeout=60_000)
            assert await figure(page, "sent") == 300
    finally:
        await context.close()


async def test_the_html_report_is_accessible_and_narrow_too(
    browser: Browser, sink: Sink, tmp_path: Path
) -> None:
    words = (*RATE, "-d", "2s", "--fault", FAULTS, "-t", "max<1", "-o", f"{tmp_path}/report.html")
    async with watched(browser, tmp_path, f"{sink.url}/hook", *words) as run:
        await run.reported()
    context = await browser.new_context()
    try:
        page = await context.new_page()
        await page.goto((tmp_path / "report.html").as_uri())
        await expect(page.get_by_role("heading", level=1)).to_contain_text("failed")
        await expect(page.get_by_text("exit code 99")).to_be_visible()
        await page.get_by_text("Send it again").first.click()
        await expect(page.get_by_text("--only").first).to_be_visible()
        await check(page)
        # The page is narrow now: a chart keeps its size, and scrolls in its box.
        chart = page.get_by_role("group", name="Percentiles")
        assert await chart.evaluate("it => it.scrollWidth > it.clientWidth + 100")
    finally:
        await context.close()
