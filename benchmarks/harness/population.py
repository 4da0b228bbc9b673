"""A store with very many webhooks, written in bulk past the API and its quota.

Every registry in use has ten webhooks that match a push of ``team/app:v1``, each by one of the
three breadths of a scope; the others look at other repositories: by ACR's scopes, or a tenth of all
by patterns, of which every fourth begins like the pushed repository.
"""

from collections.abc import Iterator
from itertools import islice

from sqlalchemy import insert

from portcall.schemas.events import Action
from portcall.schemas.webhooks import Sku, Status
from portcall.store.database import counters
from portcall.store.database.migrate import migrate
from portcall.store.database.tables import webhooks
from portcall.store.engine import Store, open_store
from portcall.store.secrets.vault import NO_KEYS
from portcall.store.webhooks.row import WebhookRow, columns

MATCHES = 10
REGISTRIES = 1_000
REPOSITORY, TAG = "team/app", "v1"
_MATCHING = ("", "", "", *(f"{REPOSITORY}:*",) * 3, *(f"{REPOSITORY}:{TAG}",) * 4)
_PATTERNS = ("team/service{0}-*:v[0-9]*", "team{0}/**", "group{0}/*", "team/a*{0}")
_CHUNK = 10_000
_FIRST_ID = 1 << 50


def registries_of(count: int) -> int:
    """Over how many registries so many webhooks are spread, for ten matches in each."""
    return min(REGISTRIES, count // MATCHES)


def registry(number: int) -> str:
    """The name of a registry."""
    return f"registry{number:04d}"


def scope(place: int) -> str:
    """The scope of a registry's webhook: the first ten match, the others do not."""
    if place < MATCHES:
        return _MATCHING[place]
    return f"team/service{place // 3}:{('*', 'latest', 'v2')[place % 3]}"


def patterns(place: int) -> list[str] | None:
    """The scopes of a registry's webhook, where a tenth has some; these do not match."""
    if place < MATCHES or place % 10:
        return None
    return [_PATTERNS[place // 10 % len(_PATTERNS)].format(place), "!team/test/**"]


def populate(url: str, count: int, target: str, *, globs: bool = False) -> None:
    """Make *count* webhooks in the store at *url*, all of which lead to *target*.

    Args:
        url: The store's.
        count: How many.
        target: The service URI of all.
        globs: Whether a tenth of them has scopes beyond ACR's.
    """
    migrate(url)
    store = open_store(url)
    for number in range(registries_of(count)):
        store.registries.put(
            registry(number), location="local", sku=Sku.PREMIUM, tags={}, resource_group="portcall"
        )
    rows = _rows(count, target, store.webhooks.revision(), globs=globs)
    while chunk := list(islice(rows, _CHUNK)):
        with store.database.writing() as connection:
            connection.execute(insert(webhooks), chunk)
    store.close()


def populate_registry(store: Store, name: str, count: int, target: str) -> None:
    """Make one registry with a webhook for every repository ``team/app0``, ``team/app1``, ..."""
    store.registries.put(
        name, location="local", sku=Sku.PREMIUM, tags={}, resource_group="portcall"
    )
    with store.database.writing() as connection:
        revision = counters.bump(connection, counters.REVISION)
        template = columns(_row("template", target, revision), NO_KEYS)
        rows = [
            {
                **template,
                "id": _FIRST_ID + number,
                "registry_key": name,
                "name": f"hook{number:05d}",
                "name_key": f"hook{number:05d}",
                "scope": f"team/app{number}:*",
                "scope_key": f"team/app{number}:*",
            }
            for number in range(count)
        ]
        connection.execute(insert(webhooks), rows)


def _rows(count: int, target: str, revision: int, *, globs: bool) -> Iterator[dict[str, object]]:
    registries = registries_of(count)
    template = columns(_row("template", target, revision), NO_KEYS)
    for number in range(count):
        name = registry(number % registries)
        place = number // registries
        scopes = patterns(place) if globs else None
        text = "" if scopes else scope(place)
        hook = f"hook{number // registries:05d}"
        yield {
            **template,
            "id": _FIRST_ID + number,
            "registry_key": name,
            "name": hook,
            "name_key": hook,
            "scope": text,
            "scope_key": text,
            "scopes": scopes,
        }


def _row(name: str, target: str, revision: int) -> WebhookRow:
    return WebhookRow(
        id=_FIRST_ID,
        registry=registry(0),
        name=name,
        location="local",
        tags={},
        uri=target,
        authorization="",
        headers={},
        actions=Action.PUSH.bit,
        scope="",
        status=Status.ENABLED,
        secret="",
        schedule_ms=None,
        status_changed_ms=0,
        revision=revision,
        created_ms=0,
    )
