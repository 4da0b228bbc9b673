"""One webhook: its state, its records, and all its commands."""

import asyncio
from typing import Any

from aiohttp import web
from msgspec import to_builtins

from portcall.management.console.desk import WEBHOOK, Desk, registry_path, webhook_path
from portcall.management.console.pages import FORM
from portcall.management.console.views.folding import folded
from portcall.management.console.views.listing import Lists
from portcall.management.console.views.record_filters import RecordChoice, read_choice
from portcall.management.console.views.records import Shown, entry_of
from portcall.management.http.calls import Call
from portcall.management.http.defaults import Defaults
from portcall.management.http.errors import ArmError
from portcall.management.http.resources import webhook_answer
from portcall.management.http.routes import Routes
from portcall.management.http.settings import SETTINGS
from portcall.schemas.signatures import Scheme, scheme_of
from portcall.schemas.webhooks import Cause, Status
from portcall.store.access.principals import Role
from portcall.store.records.filters import RecordLine
from portcall.store.records.searching import FoundRecords
from portcall.store.webhooks.row import VisibleWebhook, WebhookRow

PAGE = 50
FIRST_S = 0.05
"""How long a search may delay the page; after that the browser continues the search."""
ON_S = 0.5


class WebhookPages:
    """The page of a webhook, and its buttons.

    Args:
        desk: Shared by all pages.
        lists: Reads its state.
    """

    def __init__(self, *, desk: Desk, lists: Lists) -> None:
        self._desk = desk
        self._lists = lists

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("GET", WEBHOOK, self.page)
        routes.add("GET", f"{WEBHOOK}/pings/{{event}}", self.pinged)
        routes.add("POST", f"{WEBHOOK}/ping", self.ping)
        routes.add("POST", f"{WEBHOOK}/probe", self.probe)
        routes.add("POST", f"{WEBHOOK}/enable", self.enable)
        routes.add("POST", f"{WEBHOOK}/disable", self.disable)
        routes.add("GET", f"{WEBHOOK}/rotate", self.ask_rotation, need=Role.ADMINISTRATOR)
        routes.add("POST", f"{WEBHOOK}/rotate", self.rotate)
        routes.add("GET", f"{WEBHOOK}/delete", self.confirm, need=Role.ADMINISTRATOR)
        routes.add("POST", f"{WEBHOOK}/delete", self.delete)

    async def page(self, call: Call) -> web.Response:
        """GET the page, with the newest records that match its filter."""
        registry = await self._desk.lookups.registry(call)
        webhook = await self._desk.lookups.webhook_as(WebhookRow, call)
        choice = read_choice(call)
        found = await asyncio.to_thread(
            self._desk.store.searching.search,
            choice.filter_of(registry.key, webhook.id),
            before=choice.before,
            limit=PAGE,
            budget_s=FIRST_S if choice.before is None else ON_S,
        )
        shown = to_builtins(webhook_answer(self._desk.inner.installation, webhook).properties)
        return self._desk.pages.page(
            call,
            "webhook.html",
            registry=registry,
            line=await self._lists.webhook(webhook),
            properties=shown,
            settings=_settings_of(shown["portcall"], self._desk.lookups.defaults),
            uri=_uri_for(call, webhook),
            signs=scheme_of(webhook.secret) is not Scheme.NONE,
            by_itself=webhook.cause is not Cause.OWNER,
            is_probed=_is_probed(webhook),
            warning=self._desk.lookups.targets.objection(webhook.uri),
            choice=choice,
            found=found,
            rows=await self._rows(found, choice),
            ping=await self._ping_of(webhook, call.parameter("ping") or ""),
            ping_id=call.parameter("ping") or "",
        )

    async def _rows(self, found: FoundRecords, choice: RecordChoice) -> list[RecordLine]:
        """The deliveries of a page: one is on the page of its newest attempt that matches."""
        if choice.before is None or choice.is_narrow:
            return folded(found.lines)
        newest = await asyncio.to_thread(self._desk.store.searching.newest_of, found.lines)
        return folded(found.lines, before=choice.before, newest=newest)

    async def pinged(self, call: Call) -> web.Response:
        """GET the record of a ping, if it exists by now."""
        registry = await self._desk.lookups.registry(call)
        webhook = await self._desk.lookups.webhook(call)
        return self._desk.pages.page(
            call,
            "ping.html",
            registry=registry,
            webhook=webhook,
            ping=await self._ping_of(webhook, call.names["event"]),
            ping_id=call.names["event"],
        )

    async def ping(self, call: Call) -> web.Response:
        """POST a ping; the next page waits for its record."""
        return await self._send(call, "ping")

    async def probe(self, call: Call) -> web.Response:
        """POST a probe; a 2xx enables a webhook that was disabled automatically."""
        return await self._send(call, "probe")

    async def enable(self, call: Call) -> web.Response:
        """POST to enable the webhook."""
        return await self._set_status(call, Status.ENABLED)

    async def disable(self, call: Call) -> web.Response:
        """POST to disable the webhook."""
        return await self._set_status(call, Status.DISABLED)

    async def ask_rotation(self, call: Call) -> web.Response:
        """GET the question whether to rotate the secret: its consumer must get the new one."""
        registry = await self._desk.lookups.registry(call)
        webhook = await self._desk.lookups.webhook(call)
        return self._desk.pages.page(
            call,
            "rotate.html",
            registry=registry,
            name=webhook.name,
            back=_page_of(webhook),
            text="Its POSTs are signed with a new secret, which is shown once. For a while the"
            " previous one signs them, too: give the consumer the new one in that time.",
        )

    async def rotate(self, call: Call) -> web.Response:
        """POST to rotate the secret; the next page shows the new one once."""
        webhook = await self._desk.lookups.webhook(call)
        path = f"{self._path(webhook)}/rotateSecret"
        try:
            made = await self._desk.inner.ask(call, "POST", path, {})
        except ArmError as error:
            return self._refused(call, webhook, error)
        secret = made["properties"]["portcall"].get("secret", "")
        text = f"{webhook.name} signs with a new secret; the previous one signs, too, for a while."
        if secret:
            text += " It is shown only now:"
        return self._desk.done(call, _page_of(webhook), text, secret=secret)

    async def confirm(self, call: Call) -> web.Response:
        """GET the question whether to delete it."""
        registry = await self._desk.lookups.registry(call)
        webhook = await self._desk.lookups.webhook(call)
        return self._desk.pages.page(
            call, "webhook-delete.html", registry=registry, webhook=webhook
        )

    async def delete(self, call: Call) -> web.Response:
        """POST to delete it."""
        webhook = await self._desk.lookups.webhook(call)
        await self._desk.inner.ask(call, "DELETE", self._path(webhook))
        text = f"The webhook {webhook.name} was deleted."
        return self._desk.done(call, registry_path(webhook.registry), text)

    async def _send(self, call: Call, what: str) -> web.Response:
        webhook = await self._desk.lookups.webhook(call)
        try:
            sent = await self._desk.inner.ask(call, "POST", f"{self._path(webhook)}/{what}")
        except ArmError as error:
            return self._refused(call, webhook, error)
        return self._desk.done(
            call, f"{_page_of(webhook)}?ping={sent['id']}", f"The {what} was sent."
        )

    async def _set_status(self, call: Call, status: Status) -> web.Response:
        webhook = await self._desk.lookups.webhook(call)
        body = {"properties": {"status": status.value}}
        await self._desk.inner.ask(call, "PATCH", self._path(webhook), body)
        text = f"The webhook {webhook.name} is {status.value}."
        back = call.request[FORM].line("back")
        to = registry_path(webhook.registry) if back == "list" else _page_of(webhook)
        return self._desk.done(call, to, text)

    async def _ping_of(self, webhook: VisibleWebhook, event_id: str) -> Shown | None:
        """The record of a ping; None: none is asked for, or it is not there yet."""
        if not event_id:
            return None
        found = await asyncio.to_thread(
            self._desk.store.eventlog.of_event, event_id, [webhook.id], limit=1
        )
        return entry_of(found[0]) if found else None

    def _path(self, webhook: VisibleWebhook) -> str:
        return self._desk.inner.webhook(webhook.registry, webhook.name)

    def _refused(self, call: Call, webhook: VisibleWebhook, error: ArmError) -> web.Response:
        """Say on the webhook's page why a button did nothing; anything worse is a page."""
        if error.status != 409:
            raise error
        return self._desk.done(call, _page_of(webhook), error.message, kind="bad")


def _settings_of(extras: dict[str, Any], defaults: Defaults) -> list[tuple[str, str, bool]]:
    """The settings that the page shows: heading, value, and whether it is the installation's."""
    found = []
    for each in SETTINGS:
        default = each.default_in(defaults)
        if not each.heading:
            continue
        if each.key in extras:
            found.append((each.heading, each.say(extras[each.key]), False))
        elif default is None:
            found.append((each.heading, each.unset, False))
        else:
            found.append((each.heading, each.say(each.show(default)), True))
    return found


def _page_of(webhook: VisibleWebhook) -> str:
    return webhook_path(webhook.registry, webhook.name)


def _is_probed(webhook: VisibleWebhook) -> bool:
    """Whether it is probed automatically while it is disabled: by default not after a 410."""
    return webhook.cause is Cause.FAILING if webhook.probe is None else webhook.probe


def _uri_for(call: Call, webhook: WebhookRow) -> str:
    """The URI, for users who may read it over the API."""
    if not call.principal.administrator:
        return ""
    return webhook.service_uri
