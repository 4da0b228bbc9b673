"""Registries: their list, creating, deleting, and the webhooks of one."""

import asyncio

from aiohttp import web

from portcall.management.console.desk import REGISTRIES, REGISTRY, Desk, registry_path
from portcall.management.console.pages import FORM
from portcall.management.console.views.listing import SHOWN, Lists, WebhookChoice
from portcall.management.console.views.webhook_forms import faults_of
from portcall.management.http.calls import Call
from portcall.management.http.errors import ArmError, invalid_parameter
from portcall.management.http.locations import REGIONS
from portcall.management.http.routes import Routes
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.webhooks import Sku, check_name
from portcall.store.access.principals import Role


class RegistryPages:
    """The pages of registries.

    Args:
        desk: Shared by all pages.
        lists: Makes the lists.
    """

    def __init__(self, *, desk: Desk, lists: Lists) -> None:
        self._desk = desk
        self._lists = lists

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("GET", REGISTRIES, self.page)
        routes.add("POST", REGISTRIES, self.create)
        routes.add("GET", REGISTRY, self.webhooks)
        routes.add("GET", f"{REGISTRY}/delete", self.confirm, need=Role.ADMINISTRATOR)
        routes.add("POST", f"{REGISTRY}/delete", self.delete)

    async def page(self, call: Call) -> web.Response:
        """GET the list."""
        return await self._shown(call)

    async def create(self, call: Call) -> web.Response:
        """POST a new registry."""
        form = call.request[FORM]
        name, location = form.line("name"), form.line("location")
        try:
            _check_name(name)
            await self._check_new(call, name)
            body = {"location": location, "sku": {"name": form.line("sku")}}
            await self._desk.inner.ask(call, "PUT", self._desk.inner.registry(name), body)
        except ArmError as error:
            if error.status >= 500:
                raise
            return await self._shown(
                call, error.status, {fault.target: fault.message for fault in faults_of(error)}
            )
        return self._desk.done(call, registry_path(name), f"The registry {name} was created.")

    async def webhooks(self, call: Call) -> web.Response:
        """GET the webhooks of a registry that match the query."""
        registry = await self._desk.lookups.registry(call)
        choice = _choice(call)
        return self._desk.pages.page(
            call,
            "webhooks.html",
            registry=registry,
            page=await self._lists.webhooks(registry, choice),
            choice=choice,
        )

    async def confirm(self, call: Call) -> web.Response:
        """GET the question whether to delete a registry."""
        registry = await self._desk.lookups.registry(call)
        number = await asyncio.to_thread(self._desk.store.webhooks.count, registry.key)
        return self._desk.pages.page(
            call, "registry-delete.html", registry=registry, webhooks=number, problem=""
        )

    async def delete(self, call: Call) -> web.Response:
        """POST to delete it: its name must be typed, as its webhooks are deleted, too."""
        registry = await self._desk.lookups.registry(call)
        if call.request[FORM].line("name").lower() != registry.key:
            number = await asyncio.to_thread(self._desk.store.webhooks.count, registry.key)
            return self._desk.pages.page(
                call,
                "registry-delete.html",
                400,
                registry=registry,
                webhooks=number,
                problem=f"Type {registry.name} to delete it.",
            )
        await self._desk.inner.ask(call, "DELETE", self._desk.inner.registry(registry.name))
        return self._desk.done(call, REGISTRIES, f"The registry {registry.name} was deleted.")

    async def _check_new(self, call: Call, name: str) -> None:
        """Refuse an existing name: a PUT would change that registry."""
        named = Call(call.request, {"registry": name}, call.principal)
        known = await self._desk.lookups.maybe_registry(named)
        if known is not None:
            raise ArmError(409, "RegistryExists", "there is a registry of this name", target="name")

    async def _shown(
        self, call: Call, status: int = 200, problems: dict[str, str] | None = None
    ) -> web.Response:
        form = call.request.get(FORM)
        chosen = {name: form.line(name) for name in ("name", "sku", "location")} if form else {}
        return self._desk.pages.page(
            call,
            "registries.html",
            status,
            lines=await self._lists.registries(),
            problems=problems or {},
            chosen={"name": "", "sku": Sku.PREMIUM.value, "location": "westus"} | chosen,
            skus=list(Sku),
            regions=REGIONS,
        )


def _choice(call: Call) -> WebhookChoice:
    """The choice in the query; invalid values mean everything, as people type URLs."""
    show, page = call.parameter("show") or "", call.parameter("page") or ""
    return WebhookChoice(
        text=(call.parameter("q") or "").strip(),
        show=show if show in SHOWN else "",
        page=int(page) if page.isascii() and page.isdecimal() and len(page) < 6 else 1,
    )


def _check_name(name: str) -> None:
    """Check a name before it is used in a path."""
    try:
        check_name(name, "name")
    except InvalidValueError as error:
        raise invalid_parameter("name", error.problem if name else "is required") from error
