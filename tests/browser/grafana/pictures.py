"""Every dashboard as a picture, light and dark, with what recorded.json has.

python -m tests.browser.grafana.pictures [FOLDER]
"""

import argparse
import asyncio
import sys
from pathlib import Path

from tests.browser.chromium import missing, running_browser
from tests.browser.grafana.drawing import BUNDLE, draw, drawing
from tests.browser.grafana.recording import dashboards, load

FOLDER = Path("build/screenshots")


async def take_all(folder: Path) -> None:
    """Take every picture in both themes."""
    recording = load()
    async with running_browser() as browser, drawing(browser) as page:
        for uid, dashboard in dashboards().items():
            for mode in ("light", "dark"):
                await draw(page, dashboard, recording, mode)
                await page.locator("main").screenshot(path=folder / f"{uid}-{mode}.png")


def main() -> None:
    """Read the command line, and do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    folder: Path = parser.parse_args().folder
    if what := missing():
        sys.exit(what)
    if not BUNDLE.exists():
        sys.stderr.write("NOT TAKEN: pictures of dashboards; scripts/dashboard-page says why\n")
        return
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(take_all(folder))
    sys.stdout.write(f"The pictures of dashboards are in {folder}\n")


if __name__ == "__main__":
    main()
