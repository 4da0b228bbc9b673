"""What each route opens of a webhook's secrets: what it shows, and nothing else."""

import pytest

from portcall.store.secrets.vault import MARK, Vault
from portcall.store.webhooks.row import SigningWebhook, VisibleWebhook, WebhookRow
from tests import keys
from tests.unit.management.api import ManagementApi

SIGNING = {"secret", "old_secret"}
SEALED = {*SIGNING, "authorization", "headers", "credentials"}
NO_LETTERS = "registry=alpha&webhook=webhook01&api-version=2025-11-01"
EXPORT = "$expand=callbackConfig&api-version=2025-11-01"


class OpenVault(Vault):
    """Says which columns were opened."""

    def __init__(self) -> None:
        super().__init__([keys.KEY])
        self.opened: set[str] = set()

    def open(self, stored: str, bound_to: str) -> str:
        if stored.startswith(MARK):
            column, _, of = bound_to.removeprefix("the ").partition(" of webhook ")
            if of:
                self.opened.add(column)
        return super().open(stored, bound_to)


@pytest.fixture
async def vault(api: ManagementApi, monkeypatch: pytest.MonkeyPatch) -> OpenVault:
    """The API's, where webhook01 has every kind of secret but a client certificate."""
    await api.put_webhook(
        serviceUri="http://user:password@example.com/hook",
        customHeaders={"X-Token": "sesame"},
        portcall={"secret": "generate", "signature": "v1"},
    )
    await api.request("POST", f"{api.webhook('webhook01')}/rotateSecret")
    vault = OpenVault()
    monkeypatch.setattr(api.store.webhooks, "_vault", vault)
    return vault


@pytest.mark.parametrize(
    ("asked", "query", "status"),
    [
        ("POST {webhook}/listEvents", "", 200),
        ("GET {webhook}/listEvents", "", 200),
        ("POST {webhook}/ping", "", 200),
        ("POST {webhook}/probe", "", 409),
        ("POST {webhook}/countReplay", "", 200),
        ("POST {webhook}/replay", "", 202),
        ("DELETE {webhook}", "", 200),
        ("GET {registry}/replays", "", 200),
        ("GET {registry}/replays/1", "", 200),
        ("GET {registry}", "", 200),
        ("GET {registry}/listUsages", "", 200),
        ("GET {registry}/explainEvent", "eventId=nobody&api-version=2025-11-01", 404),
        ("POST {registry}/testScope", "", 200),
        ("GET /portcall/overview", "registry=alpha&api-version=2025-11-01", 200),
        ("GET /portcall/webhookMetrics", "registry=alpha&api-version=2025-11-01", 200),
        ("GET /portcall/deadLetters", NO_LETTERS, 200),
    ],
)
async def test_a_route_that_shows_no_secret_opens_none(
    api: ManagementApi, vault: OpenVault, asked: str, query: str, status: int
) -> None:
    method, path = asked.split()
    body: object = {} if path.endswith(("countReplay", "/replay")) else None
    if "/replays" in path:
        await api.request("POST", f"{api.webhook('webhook01')}/replay", {})
    if path.endswith("testScope"):
        body = {"scope": "", "actions": ["push"]}
    path = path.format(webhook=api.webhook("webhook01"), registry=api.registry())
    query = query or "api-version=2025-11-01"
    answer = await api.request(method, path, body, query=query)
    assert (answer.status, vault.opened) == (status, set()), answer.text


@pytest.mark.parametrize(
    ("asked", "query", "opened"),
    [
        ("GET {webhook}", "", SIGNING),
        ("GET {webhooks}", "", SIGNING),
        ("GET {webhook}/publicKeys", "", SIGNING),
        ("GET {webhooks}", EXPORT, SEALED),
        ("POST {webhook}/getCallbackConfig", "", SEALED),
    ],
)
async def test_a_route_opens_the_secrets_that_its_answer_is_made_of(
    api: ManagementApi, vault: OpenVault, asked: str, query: str, opened: set[str]
) -> None:
    webhook = api.webhook("webhook01")
    method, path = asked.split()
    path = path.format(webhook=webhook, webhooks=webhook.rpartition("/")[0])
    answer = await api.request(method, path, query=query or "api-version=2025-11-01")
    assert (answer.status, vault.opened) == (200, opened), answer.text


@pytest.mark.parametrize(
    ("view", "opened"),
    [(VisibleWebhook, set()), (SigningWebhook, SIGNING), (WebhookRow, SEALED)],
)
async def test_a_view_is_the_row_without_what_it_does_not_open(
    api: ManagementApi, vault: OpenVault, view: type[VisibleWebhook], opened: set[str]
) -> None:
    whole = api.store.webhooks.get("alpha", "webhook01")
    vault.opened.clear()
    seen = api.store.webhooks.find(view, "Alpha", "WEBHOOK01")
    assert type(seen) is view
    assert vault.opened == opened
    assert [getattr(seen, name) for name in _names(view)] == [
        getattr(whole, name) for name in _names(view)
    ]
    assert list(api.store.webhooks.each(view, "alpha", limit=5)) == [seen]


def _names(view: type[VisibleWebhook]) -> list[str]:
    return list(view.__dataclass_fields__)
