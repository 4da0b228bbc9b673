"""Pages that show nothing of a webhook's secrets open none."""

import base64

import pytest

from portcall.schemas.records import Detail
from portcall.store.secrets.vault import MARK, Vault
from tests import keys
from tests.integration.console.site import ALPHA, CONSOLE, HOOK, Browser, Site

SECRET = f"whsec_{base64.b64encode(bytes(32)).decode('ascii')}"


class WatchedVault(Vault):
    """Says what was opened of webhooks."""

    def __init__(self) -> None:
        super().__init__([keys.KEY])
        self.opened: list[str] = []

    def open(self, stored: str, bound_to: str) -> str:
        if stored.startswith(MARK) and " of webhook " in bound_to:
            self.opened.append(bound_to)
        return super().open(stored, bound_to)


@pytest.fixture
def vault(site: Site, monkeypatch: pytest.MonkeyPatch) -> WatchedVault:
    site.store.webhooks.patch(
        "alpha",
        "Hook01",
        secret=SECRET,
        headers={"X-Token": "sesame"},
    )
    vault = WatchedVault()
    monkeypatch.setattr(site.store.webhooks, "_vault", vault)
    return vault


@pytest.mark.parametrize(
    "path",
    [CONSOLE, f"{CONSOLE}/registries", ALPHA, f"{HOOK}/delete", f"{HOOK}/pings/an-event"],
)
async def test_a_page_that_shows_no_secret_opens_none(
    browser: Browser, vault: WatchedVault, path: str
) -> None:
    page = await browser.get(path)
    assert (page.status, vault.opened) == (200, [])


@pytest.mark.parametrize("do", ["ping", "delete"])
async def test_a_button_opens_none(browser: Browser, vault: WatchedVault, do: str) -> None:
    await browser.get(HOOK)
    vault.opened.clear()
    page = await browser.post(f"{HOOK}/{do}")
    assert (page.status, vault.opened) == (303, [])


async def test_records_open_none(site: Site, browser: Browser, vault: WatchedVault) -> None:
    site.deliver("an-event", Detail())
    vault.opened.clear()
    for path in (f"{HOOK}/deliveries/an-event", f"{HOOK}/deliveries/an-event/attempts/1"):
        page = await browser.get(path)
        assert (page.status, vault.opened) == (200, [])
