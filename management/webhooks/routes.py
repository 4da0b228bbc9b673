"""Webhooks: PUT, PATCH, GET, DELETE, list and getCallbackConfig."""

import asyncio

from aiohttp import web
from msgspec import UNSET

from portcall.management.http.announcements import announce
from portcall.management.http.bodies import WebhookPatch, WebhookPut
from portcall.management.http.calls import Call, answer, flag
from portcall.management.http.errors import ArmError
from portcall.management.http.lookups import Lookups, new_name
from portcall.management.http.paging import WEBHOOKS_PAGE, next_link, page_size, skip_token
from portcall.management.http.resources import callback_answer, exported_answer, webhook_answer
from portcall.management.http.routes import WEBHOOK, WEBHOOKS, Routes
from portcall.management.http.shapes import Webhook, WebhookList
from portcall.management.webhooks.drafts import (
    changes_of,
    check_location,
    check_unmoved,
    draft_of,
    shown_secret,
)
from portcall.management.webhooks.signing import new_secret
from portcall.runtime.broker.publishing import Announcer
from portcall.runtime.logs import get_logger
from portcall.store.engine import Store
from portcall.store.errors import WebhookNotFoundError
from portcall.store.webhooks.row import SigningWebhook, VisibleWebhook, WebhookRow

TOKEN_KIND = "webhooks"  # noqa: S105 (not a secret)


class WebhookHandlers:
    """The routes of webhooks.

    Args:
        store: The store.
        lookups: Finds the resources that a path names.
        announcer: Notifies the other roles of changes.
    """

    def __init__(self, *, store: Store, lookups: Lookups, announcer: Announcer) -> None:
        self._store = store
        self._lookups = lookups
        self._announcer = announcer
        self._installation = lookups.installation
        self._log = get_logger()

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("GET", WEBHOOKS, self.page)
        routes.add("PUT", WEBHOOK, self.put)
        routes.add("PATCH", WEBHOOK, self.patch)
        routes.add("GET", WEBHOOK, self.get)
        routes.add("DELETE", WEBHOOK, self.delete)
        routes.add("POST", f"{WEBHOOK}/getCallbackConfig", self.callback)

    async def page(self, call: Call) -> web.Response:
        """GET the webhooks of a registry, by name.

        With ``$expand=callbackConfig`` (for the administrator only) each also has its service URI
        and its headers: such a page can be imported unchanged. Secrets are never shown again.
        """
        exported = flag(call, "$expand", "callbackConfig")
        if exported and not call.principal.administrator:
            raise ArmError(403, "AuthorizationFailed", "Only the administrator may export.")
        size = page_size(call, WEBHOOKS_PAGE)
        after = skip_token(call, TOKEN_KIND)
        registry = await self._lookups.registry(call)
        told = await asyncio.to_thread(
            self._exported if exported else self._shown, registry.key, after, size + 1
        )
        shown = told[:size]
        link = next_link(call, TOKEN_KIND, shown[-1][0]) if len(told) > size else UNSET
        return answer(WebhookList([each for _, each in shown], link))

    def _shown(self, registry: str, after: str, limit: int) -> list[tuple[str, Webhook]]:
        """Webhooks by their names, as everybody may see them."""
        rows = self._store.webhooks.each(SigningWebhook, registry, after=after, limit=limit)
        return [(row.name, webhook_answer(self._installation, row)) for row in rows]

    def _exported(self, registry: str, after: str, limit: int) -> list[tuple[str, Webhook]]:
        """The same for an export."""
        rows = self._store.webhooks.each(WebhookRow, registry, after=after, limit=limit)
        return [(row.name, exported_answer(self._installation, row)) for row in rows]

    async def get(self, call: Call) -> web.Response:
        """GET a webhook."""
        webhook = await self._lookups.webhook_as(SigningWebhook, call)
        defaults = self._lookups.defaults
        return answer(webhook_answer(self._installation, webhook, defaults=defaults))

    async def put(self, call: Call) -> web.Response:
        """PUT a webhook: created, or replaced as `management.webhooks.drafts` says."""
        name = new_name(call, "webhook")
        body = await call.body(WebhookPut)
        registry = await self._lookups.registry(call)
        before = await self._lookups.maybe_webhook(WebhookRow, call, registry)
        check_location(body.location, registry=registry, before=before)
        draft = draft_of(
            body.properties,
            registry=registry.key,
            name=name,
            location=body.location,
            tags=body.tags,
            before=before,
            new_secret=new_secret,
        )
        ((row, created),) = await asyncio.to_thread(self._store.webhooks.put_many, [draft])
        told = "webhook.created" if created else "webhook.updated"
        self._log.info(told, registry=row.registry, webhook=row.name, webhook_id=row.id)
        await announce(self._announcer, row.revision)
        secret = shown_secret(body.properties.portcall, before, row.secret)
        return self._changed(row, secret)

    async def patch(self, call: Call) -> web.Response:
        """PATCH a webhook: sent fields change. az makes no GET before it: hence the 404s."""
        body = await call.body(WebhookPatch)
        before = await self._lookups.webhook_as(WebhookRow, call)
        if body.location is not None:
            check_unmoved(body.location, before)
        changes = changes_of(
            body.tags,
            body.properties,
            secret=before.secret,
            new_secret=new_secret,
            trust=before.trust,
        )
        if not changes:
            return self._changed(before)
        try:
            row = await asyncio.to_thread(
                self._store.webhooks.patch, before.registry, before.name, **changes
            )
        except WebhookNotFoundError as error:  # deleted since it was looked up
            raise self._lookups.no_webhook(call) from error
        self._log.info(
            "webhook.updated",
            registry=row.registry,
            webhook=row.name,
            webhook_id=row.id,
            changed=sorted(changes),
        )
        await announce(self._announcer, row.revision)
        extras = body.properties.portcall if body.properties else None
        secret = shown_secret(extras, before, row.secret)
        return self._changed(row, secret)

    def _changed(self, webhook: WebhookRow, secret: str = "") -> web.Response:
        """The answer to a change, with a warning if no request can reach the endpoint."""
        warning = self._lookups.targets.objection(webhook.uri)
        return answer(
            webhook_answer(
                self._installation,
                webhook,
                secret=secret,
                warning=warning,
                defaults=self._lookups.defaults,
            )
        )

    async def delete(self, call: Call) -> web.Response:
        """DELETE a webhook: 200, or 204 where there was none; 404 where there is no registry."""
        registry = await self._lookups.registry(call)
        row = await self._lookups.maybe_webhook(VisibleWebhook, call, registry)
        if row is None or not await asyncio.to_thread(
            self._store.webhooks.delete, registry.key, row.name
        ):
            return web.Response(status=204)
        self._log.info(
            "webhook.deleted", registry=row.registry, webhook=row.name, webhook_id=row.id
        )
        await announce(self._announcer, await asyncio.to_thread(self._store.webhooks.revision))
        return web.Response(status=200)

    async def callback(self, call: Call) -> web.Response:
        """POST getCallbackConfig: the URI and the headers."""
        return answer(callback_answer(await self._lookups.webhook_as(WebhookRow, call)))
