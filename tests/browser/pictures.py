"""The pages of the console that pictures are taken of, and what is done on them first."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import Page

WEBHOOK = "/registries/contoso/webhooks"


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
    await page.locator("summary", has_text="Signature, retries").click()
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


async def open_settings(page: "Page") -> None:
    """Open all that the form folds away."""
    opened = "all => all.forEach(each => { each.open = true })"
    await page.locator("main form details").evaluate_all(opened)
    await settle(page)


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
        Picture("settings", f"{WEBHOOK}/keelupdate", open_first),
        Picture("settings-refusals", f"{WEBHOOK}/keelupdate?outcome=refused", open_first),
        Picture("settings-edit", f"{WEBHOOK}/keelupdate/edit", open_settings),
        Picture("settings-format", f"{WEBHOOK}/chatslack", open_first),
        Picture("settings-format-edit", f"{WEBHOOK}/chatslack/edit", open_settings),
        Picture("settings-template", f"{WEBHOOK}/wordsofours", open_first),
        Picture("settings-template-edit", f"{WEBHOOK}/wordsofours/edit", open_settings),
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
        Picture("settings-event", event),
        Picture("dead-letters", "/dead-letters"),
        Picture("dead-letters-none", "/dead-letters?queue=unrouted"),
        Picture("not-found", "/registries/nosuch"),
    )
