"""Every page of the console as pictures: light and dark, wide and narrow.

python -m tests.browser.screenshots [FOLDER] [--only WORD]
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
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
from tests.browser.pictures import EMPTY, WEBHOOK, Picture, pictures
from tests.browser.visiting import House
from tests.installation import Client, Installation

if TYPE_CHECKING:
    from playwright.async_api import Page

FOLDER = Path("build/screenshots")
SCHEMES = ("light", "dark")
WIDTHS = {"wide": (1440, 900), "narrow": (390, 844)}
MAX_HEIGHT = 2600
_random = random.Random(7)  # noqa: S311 (reproducible, not secret)


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
