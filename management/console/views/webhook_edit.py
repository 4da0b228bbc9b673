"""The form of a webhook, new or changed; checked while the user types, by the API's rules."""

import asyncio

from aiohttp import web

from portcall.management.console.desk import REGISTRY, WEBHOOK, WEBHOOKS, Desk, webhook_path
from portcall.management.console.pages import FORM
from portcall.management.console.views.format_fields import format_of
from portcall.management.console.views.webhook_forms import (
    FIELDS,
    FORMAT,
    FORMAT_OPTIONS,
    LABELS,
    NAME,
    SCOPE,
    SCOPES,
    Problems,
    SubmittedForm,
    Values,
    add_faults,
    empty_values,
    problems_of,
    read_entry,
    values_of,
)
from portcall.management.explain.scope_tests import ScopeTests, Tried
from portcall.management.http.calls import Call
from portcall.management.http.errors import ArmError, FieldFault, invalid_parameter
from portcall.management.http.routes import Routes
from portcall.management.http.settings import SETTINGS
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Action
from portcall.schemas.filter_words import filters_in
from portcall.schemas.filters import read_filters
from portcall.schemas.formats.table import ACR, FORMATS
from portcall.schemas.signatures import Scheme
from portcall.store.access.principals import Role
from portcall.store.webhooks.registries import Registry
from portcall.store.webhooks.row import SigningWebhook, VisibleWebhook, WebhookRow

PREVIEWED = 3
"""How many of the last events the preview of a format shows."""


class WebhookEdit:
    """The pages that create and change webhooks.

    Args:
        desk: Shared by all pages.
        scopes: Tries scopes.
    """

    def __init__(self, *, desk: Desk, scopes: ScopeTests) -> None:
        self._desk = desk
        self._scopes = scopes

    def add_to(self, routes: Routes) -> None:
        """Add the routes. No webhook can be called ``new``: names have five characters."""
        routes.add("GET", f"{WEBHOOKS}/new", self.new, need=Role.ADMINISTRATOR)
        routes.add("POST", f"{WEBHOOKS}/new", self.create)
        routes.add("GET", f"{WEBHOOK}/edit", self.edit, need=Role.ADMINISTRATOR)
        routes.add("POST", f"{WEBHOOK}/edit", self.change)
        routes.add("POST", f"{REGISTRY}/check", self.check)
        routes.add("POST", f"{REGISTRY}/scope-test", self.try_scope)
        routes.add("POST", f"{REGISTRY}/format-test", self.try_format)

    async def new(self, call: Call) -> web.Response:
        """GET the form of a new webhook."""
        registry = await self._desk.lookups.registry(call)
        return self._shown(call, registry, None, empty_values(), Problems())

    async def create(self, call: Call) -> web.Response:
        """POST a new webhook."""
        registry = await self._desk.lookups.registry(call)
        entry = read_entry(call.request[FORM])
        problems = await self._problems(call, registry, entry, None)
        if not problems:
            body = {"location": registry.location, "properties": entry.body}
            path = self._desk.inner.webhook(registry.name, entry.name)
            made = await self._asked(call, "PUT", path, body, problems)
            if made is not None:
                return self._done(call, registry, entry.name, made, "was created")
        return self._shown(call, registry, None, entry.values, problems)

    async def edit(self, call: Call) -> web.Response:
        """GET the form of an existing webhook."""
        registry = await self._desk.lookups.registry(call)
        webhook = await self._desk.lookups.webhook_as(WebhookRow, call)
        return self._shown(call, registry, webhook, values_of(webhook), Problems())

    async def change(self, call: Call) -> web.Response:
        """POST the changes of a webhook."""
        registry = await self._desk.lookups.registry(call)
        webhook = await self._desk.lookups.webhook_as(SigningWebhook, call)
        entry = read_entry(call.request[FORM], before=webhook)
        problems = await self._problems(call, registry, entry, webhook)
        if not problems:
            path = self._desk.inner.webhook(registry.name, webhook.name)
            made = await self._asked(call, "PATCH", path, {"properties": entry.body}, problems)
            if made is not None:
                return self._done(call, registry, webhook.name, made, "was changed")
        return self._shown(call, registry, webhook, entry.values, problems)

    async def check(self, call: Call) -> web.Response:
        """POST an incomplete form, for the problems of one of its fields."""
        name = call.parameter("field") or ""
        if name not in FIELDS:
            raise invalid_parameter("field", f"must be one of {', '.join(FIELDS)}")
        registry = await self._desk.lookups.registry(call)
        before = await self._edited(call, registry)
        entry = read_entry(call.request[FORM], before=before)
        problems = await self._problems(call, registry, entry, before)
        problem = problems.by_field.get(name, "")
        return self._desk.pages.page(call, "field-problem.html", name=name, problem=problem)

    async def try_scope(self, call: Call) -> web.Response:
        """POST a form, to see which recent events its scope and its actions would match."""
        registry = await self._desk.lookups.registry(call)
        form = call.request[FORM]
        tried: list[Tried] = []
        problem = ""
        try:
            tried = await asyncio.to_thread(
                self._scopes.try_scope,
                registry.key,
                form.line(SCOPE),
                form.all("actions"),
                filters=read_filters(filters_in(form.all("filters"))),
                scopes=form.text(SCOPES).split(),
            )
        except InvalidValueError as error:
            problem = error.problem
        return self._desk.pages.page(
            call, "scope-test.html", registry=registry, tried=tried, problem=problem
        )

    async def try_format(self, call: Call) -> web.Response:
        """POST a form, to see how the last events look in its format, or an example."""
        registry = await self._desk.lookups.registry(call)
        form = call.request[FORM]
        body = {
            "format": format_of(form.line(FORMAT), form.text(FORMAT_OPTIONS)),
            "filters": filters_in(form.all("filters")),
            "last": PREVIEWED,
        }
        formed, problem = [], ""
        try:
            path = f"{self._desk.inner.registry(registry.name)}/testFormat"
            found = await self._desk.inner.ask(call, "POST", path, body)
            formed = found["value"]
        except ArmError as error:
            if error.status >= 500:
                raise
            problem = error.message
        return self._desk.pages.page(call, "format-test.html", formed=formed, problem=problem)

    async def _edited(self, call: Call, registry: Registry) -> SigningWebhook | None:
        """The webhook that a form is about; None: it is a new one's."""
        name = call.parameter("webhook")
        if not name:
            return None
        names = {"registry": registry.key, "webhook": name}
        named = Call(call.request, names, call.principal)
        return await self._desk.lookups.maybe_webhook(SigningWebhook, named, registry)

    async def _problems(
        self, call: Call, registry: Registry, entry: SubmittedForm, before: VisibleWebhook | None
    ) -> Problems:
        problems = problems_of(entry, is_new=before is None)
        if before is None and NAME not in problems.by_field:
            names = {"registry": registry.key, "webhook": entry.name}
            named = Call(call.request, names, call.principal)
            lookups = self._desk.lookups
            if await lookups.maybe_webhook(VisibleWebhook, named, registry) is not None:
                problems.add(
                    FieldFault(NAME, f"{registry.name} has a webhook of this name already")
                )
        return problems

    async def _asked(
        self, call: Call, method: str, path: str, body: object, problems: Problems
    ) -> str | None:
        """Call the API, and return the secret in its answer, if any; None: it refused."""
        try:
            made = await self._desk.inner.ask(call, method, path, body)
        except ArmError as error:
            if error.status >= 500 or error.status == 404:
                raise
            add_faults(problems, error)
            return None
        return str(made["properties"]["portcall"].get("secret", ""))

    def _done(
        self, call: Call, registry: Registry, name: str, secret: str, did: str
    ) -> web.Response:
        text = f"The webhook {name} {did}."
        if secret:
            text += " It signs with this secret, which is shown only now:"
        return self._desk.done(call, webhook_path(registry.name, name), text, secret=secret)

    def _shown(
        self,
        call: Call,
        registry: Registry,
        webhook: VisibleWebhook | None,
        values: Values,
        problems: Problems,
    ) -> web.Response:
        return self._desk.pages.page(
            call,
            "webhook-form.html",
            400 if problems else 200,
            registry=registry,
            webhook=webhook,
            values=values,
            problems=problems,
            labels=LABELS,
            all_actions=list(Action),
            schemes=list(Scheme),
            settings=SETTINGS,
            defaults=self._desk.lookups.defaults,
            acr=ACR,
            formats=tuple(FORMATS.values()),
        )
