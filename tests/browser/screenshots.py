"""Every page of the console as pictures: light and dark, wide and narrow.

python -m tests.browser.screenshots [FOLDER] [--only WORD]
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from tests.browser.chromium import missing, running_browser
from tests.browser.harbour import (
    Town,
    furnish,
    recorded,
    send,
    serve_town,
    synthetic_event,
    turn_back,
)
from tests.browser.visiting import House
from tests.installation import Client, Installation

if TYPE_CHECKING:
    from playwright.async_api import Page

FOLDER = Path("build/screenshots")
SCHEMES = ("light", "dark")
WIDTHS = {"wide": (1280, 900), "narrow": (390, 844)}
MAX_HEIGHT = 2600
WEBHOOK = "/registries/contoso/webhooks"
_random = random.Random(7)  # noqa: S311 (reproducible, not secret)


@dataclass(frozen=True)
class Picture:
    """A page, and what is done on it before the picture is taken."""

    name: str
    path: str
    prepare: Callable[["Page"], Awaitable[object]] | None = None
    signed_in: bool = True


async def type_a_scope(page: "Page") -> None:
    """Fill in the form as somebody does who tries a scope."""
    await page.get_by_label("Webhook name").fill("scanonpush")
    await page.get_by_label("Service URI").fill("https://scan.example.com/hooks/portcall")
    await page.get_by_label("Custom headers").fill(
        "Authorization: Bearer 4f1c90d2b7\nX-Environment: production"
    )
    await page.get_by_label("Scope", exact=True).fill("web/storefront:*")
    await page.locator("#scope-test li.miss .why", has_text="scope").first.wait_for()


async def make_mistakes(page: "Page") -> None:
    """Send the form with mistakes in it."""
    await page.get_by_label("Webhook name").fill("ci")
    await page.get_by_label("Service URI").fill("ftp://example.com")
    await page.get_by_label("Custom headers").fill("Bearer without a key")
    await page.locator("details.more > summary").click()
    await page.get_by_label("Disable after").fill("later")
    await page.get_by_role("button", name="Create").click()
    await page.locator("#problems").wait_for()


async def open_first(page: "Page") -> None:
    """Pause, and open the newest row."""
    await page.wait_for_timeout(1500)
    with suppress(Exception):
        await page.get_by_role("button", name="Pause").click(timeout=2000)
    await page.get_by_role("button", name="Request and response").first.click()
    await page.locator(".detail .pane").first.wait_for()


async def ping(page: "Page") -> None:
    """Ping, and wait for the answer."""
    await page.get_by_role("button", name="Ping").click()
    await page.locator("#ping .pane").first.wait_for()


async def settle(page: "Page") -> None:
    """Let charts and live rows come."""
    await page.wait_for_timeout(2500)


async def choose_a_kind(page: "Page") -> None:
    """Choose a kind with options, and send it with a mistake."""
    await page.get_by_label("Kind").select_option("ecr")
    await page.get_by_label("Replication").fill("perhaps")
    await page.get_by_role("button", name="Create").click()
    await page.locator("#problems").wait_for()


async def rotate(page: "Page") -> None:
    """Rotate the secret of a source: the next page shows it."""
    await page.get_by_role("link", name="Rotate secret").click()
    await page.get_by_role("button", name="Rotate secret").click()
    await page.locator("#secret").wait_for()


async def be_refused(page: "Page") -> None:
    """Sign in with what nobody has."""
    await page.get_by_label("Token").fill("not-a-token")
    await page.get_by_role("button", name="Sign in").click()
    await page.locator("#token-problem span").wait_for()


EMPTY = (
    Picture("empty-overview", "", settle),
    Picture("empty-registries", "/registries"),
)


def pictures(delivery: str, event: str) -> tuple[Picture, ...]:
    """Of the installation as it looks after a day.

    Args:
        delivery: The path of a delivery that failed at first.
        event: The path of an event.
    """
    return (
        Picture("sign-in", "/sign-in", signed_in=False),
        Picture("sign-in-refused", "/sign-in", be_refused, signed_in=False),
        Picture("overview", "", settle),
        Picture("overview-24h", "?range=24h", settle),
        Picture("registries", "/registries"),
        Picture("webhooks", "/registries/contoso"),
        Picture("webhooks-attention", "/registries/contoso?show=attention"),
        Picture("webhook", f"{WEBHOOK}/cveScanner", settle),
        Picture("webhook-open", f"{WEBHOOK}/deploystaging", open_first),
        Picture("webhook-failing", f"{WEBHOOK}/legacybridge", open_first),
        Picture("webhook-disabled-itself", f"{WEBHOOK}/oldbuilder"),
        Picture("webhook-filtered", f"{WEBHOOK}/deploystaging?status=5"),
        Picture("webhook-none-fits", f"{WEBHOOK}/deploystaging?repository=no/such"),
        Picture("webhook-ping", f"{WEBHOOK}/chatnotify", ping),
        Picture("webhook-new", f"{WEBHOOK}/new", type_a_scope),
        Picture("webhook-mistakes", f"{WEBHOOK}/new", make_mistakes),
        Picture("webhook-edit", f"{WEBHOOK}/deploystaging/edit", settle),
        Picture("webhook-delete", f"{WEBHOOK}/deploystaging/delete"),
        Picture("sources", "/registries/contoso/sources"),
        Picture("no-sources", "/registries/quietbay/sources"),
        Picture("source-new", "/registries/contoso/add-source", choose_a_kind),
        Picture("source", "/registries/contoso/sources/harbor"),
        Picture("source-made", "/registries/contoso/sources/harbor", rotate),
        Picture("source-delete", "/registries/contoso/sources/harbor/delete"),
        Picture("connect", "/registries/contoso/connect"),
        Picture("connect-waiting", "/registries/quietbay/connect"),
        Picture("registry-delete", "/registries/contoso/delete"),
        Picture("webhooks-many", "/registries/bigharbor?page=3"),
        Picture("no-webhooks", "/registries/quietbay"),
        Picture("delivery", delivery),
        Picture("event", event),
        Picture("dead-letters", "/dead-letters"),
        Picture("dead-letters-none", "/dead-letters?queue=unrouted"),
        Picture("not-found", "/registries/nosuch"),
    )


async def take_all(house: House, token: str, wanted: tuple[Picture, ...], folder: Path) -> None:
    """Take every picture in every look."""
    for width, (across, down) in WIDTHS.items():
        for scheme in SCHEMES:
            for picture in wanted:
                look = {"viewport": {"width": across, "height": down}, "color_scheme": scheme}
                async with house.visit(token if picture.signed_in else "", **look) as page:
                    await page.goto(f"/console{picture.path}")
                    if picture.prepare is not None:
                        await picture.prepare(page)
                    path = folder / f"{picture.name}-{width}-{scheme}.png"
                    await take(page, path, across)


async def take(page: "Page", path: Path, across: int) -> None:
    """The whole page, up to a height."""
    await page.evaluate("scrollTo(0, 0)")  # or the bar stands in the middle
    high = await page.evaluate("document.documentElement.scrollHeight")
    clip = {"x": 0, "y": 0, "width": across, "height": min(high, MAX_HEIGHT)}
    await page.screenshot(path=path, full_page=True, clip=clip)


@asynccontextmanager
async def traffic(client: Client) -> AsyncIterator[None]:
    """A few events a second, for the time of a block."""

    async def flow() -> None:
        number = 0
        while True:
            registry = _random.choices(("contoso", "shipyard", "fabrikam"), weights=(6, 3, 1))[0]
            await send(
                client, registry, [synthetic_event(number) for _ in range(_random.randint(1, 3))]
            )
            number += 1
            await asyncio.sleep(_random.uniform(1.0, 2.4))

    task = asyncio.create_task(flow())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def find_life(client: Client) -> tuple[str, str]:
    """The paths of a delivery that was retried, and of its event."""
    found = await client.list_events("contoso", "deploystaging", top=100)
    record = next(each for each in found if each["portcall"]["attempt"] > 1)
    event = record["id"]
    return f"{WEBHOOK}/deploystaging/deliveries/{event}", f"/registries/contoso/events/{event}"


async def run(folder: Path, only: str) -> None:
    """Start everything, make the day, take the pictures."""
    with tempfile.TemporaryDirectory(prefix="portcall-screenshots-") as scratch:
        installation = Installation(
            Path(scratch) / "home",
            {"PORTCALL_RETRY_SCHEDULE": "10s,1m,5m,30m,1h,3h,6h,12h,12h,24h", "NO_COLOR": "1"},
        )
        await asyncio.to_thread(installation.start)
        try:
            async with (
                serve_town() as town,
                running_browser() as browser,
                aiohttp.ClientSession() as http,
            ):
                client = Client(installation, http)
                house = House(browser, installation.ready["management_url"])
                await take_all(house, installation.ready["token"], chosen(EMPTY, only), folder)
                await live_a_day(installation, client, town)
                house = House(browser, installation.ready["management_url"])
                async with traffic(client):
                    await asyncio.sleep(20)
                    wanted = chosen(pictures(*await find_life(client)), only)
                    await take_all(house, installation.ready["token"], wanted, folder)
        finally:
            await asyncio.to_thread(installation.clean_up)


def chosen(wanted: tuple[Picture, ...], only: str) -> tuple[Picture, ...]:
    """Those with *only* in their name."""
    return tuple(picture for picture in wanted if only in picture.name)


async def add_sources(client: Client) -> None:
    """Add the sources of a registry that several products send to."""
    for name, kind, networks in (
        ("harbor", "harbor", ["203.0.113.0/24"]),
        ("github", "ghcr", []),
        ("dockerhub", "dockerhub", ["198.51.100.0/24", "2001:db8:64::/48"]),
        ("ecr-eu", "ecr", []),
    ):
        path = f"{client.registry_path('contoso')}/sources/{name}"
        properties = {"kind": kind, "networks": networks}
        status, made = await client.manage("PUT", path, {"properties": properties})
        assert status == 201, made


async def live_a_day(installation: Installation, client: Client, town: Town) -> None:
    """Have the traffic of a day, and turn the clock back while nothing runs."""
    await furnish(client, town)
    for name, sku in (("quietbay", "Basic"), ("bigharbor", "Premium")):
        body = {"location": "local", "sku": {"name": sku}}
        await client.manage("PUT", client.registry_path(name), body)
    for number in range(120):
        uri = f"https://hooks.example.com/{number}"
        await client.put_webhook("bigharbor", f"team{number:03d}", uri, scope=f"team{number:03d}:*")
    await add_sources(client)
    await recorded(installation)
    url = installation.ready["database_url"]
    await asyncio.to_thread(installation.stop)
    await asyncio.to_thread(turn_back, url)
    await asyncio.to_thread(installation.start)


def main() -> None:
    """Read the command line, and do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--only", default="", help="only pictures with this in their name")
    arguments = parser.parse_args()
    if what := missing():
        sys.exit(what)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(run(arguments.folder, arguments.only))
    sys.stdout.write(f"The pictures are in {arguments.folder}\n")


if __name__ == "__main__":
    main()
