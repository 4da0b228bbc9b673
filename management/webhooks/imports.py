"""Import: up to a thousand PUTs in one transaction, all of them or none.

The answer has only counts, without generated secrets, so an import should bring its secrets.
"""

import asyncio
from collections.abc import Mapping, Sequence

from aiohttp import web

from portcall.management.http.announcements import announce
from portcall.management.http.bodies import Import, WebhookImport
from portcall.management.http.calls import Call, answer
from portcall.management.http.errors import FieldFault, invalid_content
from portcall.management.http.lookups import Lookups
from portcall.management.http.routes import REGISTRY, Routes
from portcall.management.http.shapes import Imported
from portcall.management.webhooks.drafts import check_location, draft_of
from portcall.management.webhooks.signing import new_secret
from portcall.runtime.broker.publishing import Announcer
from portcall.runtime.logs import get_logger
from portcall.schemas.errors import InvalidValueError
from portcall.store.engine import Store
from portcall.store.webhooks.registries import Registry
from portcall.store.webhooks.row import WebhookDraft, WebhookRow

MAX_BYTES = 8 * 1024 * 1024
NO_LIMIT = 1_000_000


class ImportHandler:
    """The route of imports.

    Args:
        store: The store.
        lookups: Finds the resources that a path names.
        announcer: Notifies the other roles of changes.
    """

    def __init__(self, *, store: Store, lookups: Lookups, announcer: Announcer) -> None:
        self._store = store
        self._lookups = lookups
        self._announcer = announcer
        self._log = get_logger()

    def add_to(self, routes: Routes) -> None:
        """Add the route: no type below an ARM registry has this name."""
        routes.add("POST", f"{REGISTRY}/importWebhooks", self.import_many)

    async def import_many(self, call: Call) -> web.Response:
        """POST importWebhooks: each item is the body of a PUT, with its name."""
        body = await call.body(Import, max_bytes=MAX_BYTES)
        check_unique(body.value)
        registry = await self._lookups.registry(call)
        rows = await asyncio.to_thread(self._store.webhooks.list, registry.key, limit=NO_LIMIT)
        drafts = drafts_of(body.value, registry, {row.name.lower(): row for row in rows})
        put = await asyncio.to_thread(self._store.webhooks.put_many, drafts)
        created = sum(is_new for _, is_new in put)
        replaced = len(put) - created
        self._log.info(
            "webhooks.imported", registry=registry.name, created=created, replaced=replaced
        )
        await announce(self._announcer, put[0][0].revision)
        return answer(Imported(created, replaced))


def drafts_of(
    items: Sequence[WebhookImport], registry: Registry, existing: Mapping[str, WebhookRow]
) -> list[WebhookDraft]:
    """The drafts of the items.

    Args:
        items: As sent.
        registry: Their registry.
        existing: The registry's webhooks, by their names in lower case.

    Raises:
        ArmError: 404 or 409: The location of one is not its registry's, or not its own.
        InvalidValueError: The secret of one does not fit its signature.
    """
    drafts = []
    for index, item in enumerate(items):
        before = existing.get(item.name.lower())
        location = item.location or (before.location if before else registry.location)
        check_location(location, registry=registry, before=before, path=f"value[{index}].")
        try:
            draft = draft_of(
                item.properties,
                registry=registry.key,
                name=item.name,
                location=location,
                tags=item.tags,
                before=before,
                new_secret=new_secret,
            )
        except InvalidValueError as error:
            raise InvalidValueError(f"value[{index}].{error.field}", error.problem) from error
        drafts.append(draft)
    return drafts


def check_unique(items: Sequence[WebhookImport]) -> None:
    """Refuse an import in which a name occurs twice.

    Raises:
        ArmError: 400: One does.
    """
    seen: dict[str, int] = {}
    faults = []
    for index, item in enumerate(items):
        first = seen.setdefault(item.name.lower(), index)
        if first != index:
            faults.append(FieldFault(f"value[{index}].name", f"is the name of value[{first}], too"))
    if faults:
        raise invalid_content(faults)
