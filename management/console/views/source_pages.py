"""The sources of a registry: their list, the form of a new one, and the page of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from portcall.management.console.desk import (
    ADD_SOURCE,
    SOURCE,
    SOURCES,
    Desk,
    source_path,
    sources_path,
)
from portcall.management.console.forms import Form
from portcall.management.console.pages import FORM
from portcall.management.console.views.source_forms import (
    KINDS,
    PROOFS,
    SourceEntry,
    entry_of_source,
    label_of,
    problems_of_source,
    read_source,
)
from portcall.management.console.views.webhook_forms import Problems
from portcall.management.http.calls import Call
from portcall.management.http.errors import ArmError
from portcall.management.http.routes import Routes
from portcall.management.sources.setup import HIDDEN, set_up
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.sources import (
    WITHOUT_SECRET,
    Proof,
    SourceKind,
    check_source_name,
)
from portcall.schemas.timestamps import parse_timestamp
from portcall.store.access.principals import Role
from portcall.store.webhooks.registries import Registry

PRODUCER = "https://PRODUCER"
"""Stands for the producer's address, where no setting says it."""


@dataclass(frozen=True, slots=True)
class ShownSource:
    """A source on a page.

    Attributes:
        name: Its name.
        facts: Its ``properties``, as the API answers them.
        producer_url: Where its sender reaches the producer; empty: no setting says it.
    """

    name: str
    facts: Mapping[str, Any]
    producer_url: str

    @property
    def kind(self) -> str:
        """The product that sends."""
        return KINDS[SourceKind(self.facts["kind"])]

    @property
    def proof(self) -> str:
        """Which requests are authentic."""
        return PROOFS[Proof(self.facts["proof"])]

    @property
    def has_secret(self) -> bool:
        """Whether its secret can be rotated."""
        return Proof(self.facts["proof"]) not in WITHOUT_SECRET

    @property
    def created_ms(self) -> int:
        """When it was created, milliseconds since the epoch."""
        return parse_timestamp(self.facts["createdAt"])

    @property
    def changed_ms(self) -> int:
        """The last change, rotations included, milliseconds since the epoch."""
        return parse_timestamp(self.facts["changedAt"])

    @property
    def options(self) -> list[tuple[str, str]]:
        """Its options, with their labels."""
        return [(label_of(name), value) for name, value in self.facts["options"].items()]

    def address(self, secret: str = "") -> str:
        """Its address; a secret in it that is not known is `HIDDEN`."""
        path = str(self.facts["path"]).replace("{secret}", secret or HIDDEN)
        return f"{self.producer_url or PRODUCER}{path}"

    def set_up(self, secret: str = "") -> str:
        """How the other side is set up; a secret that is not known is `HIDDEN`."""
        return set_up(
            self.facts["kind"],
            self.facts["proof"],
            address=self.address(secret),
            secret=secret,
            header=self.facts["header"],
        )


class SourcePages:
    """The pages of sources.

    Args:
        desk: Shared by all pages.
        producer_url: Where senders reach the producer; empty: no setting says it.
        producer_tls_url: The same for senders with a client certificate; empty: no other.
    """

    def __init__(self, *, desk: Desk, producer_url: str, producer_tls_url: str) -> None:
        self._desk = desk
        self._producer_url = producer_url
        self._producer_tls_url = producer_tls_url or producer_url

    def add_to(self, routes: Routes) -> None:
        """Add the routes. The form's path is not below the sources: one may be called ``new``."""
        routes.add("GET", SOURCES, self.page)
        routes.add("GET", ADD_SOURCE, self.new, need=Role.ADMINISTRATOR)
        routes.add("POST", ADD_SOURCE, self.create)
        routes.add("POST", f"{ADD_SOURCE}/fields", self.fields)
        routes.add("GET", SOURCE, self.source)
        routes.add("GET", f"{SOURCE}/edit", self.edit, need=Role.ADMINISTRATOR)
        routes.add("POST", f"{SOURCE}/edit", self.change)
        routes.add("POST", f"{SOURCE}/edit/fields", self.other_fields)
        routes.add("GET", f"{SOURCE}/rotate", self.ask_rotation, need=Role.ADMINISTRATOR)
        routes.add("POST", f"{SOURCE}/rotate", self.rotate)
        routes.add("GET", f"{SOURCE}/delete", self.confirm, need=Role.ADMINISTRATOR)
        routes.add("POST", f"{SOURCE}/delete", self.delete)

    async def page(self, call: Call) -> web.Response:
        """GET the list."""
        registry = await self._desk.lookups.registry(call)
        path = f"{self._desk.inner.registry(registry.name)}/sources"
        found = await self._desk.inner.ask(call, "GET", path)
        sources = [self._shown(each) for each in found["value"]]
        return self._desk.pages.page(call, "sources.html", registry=registry, sources=sources)

    async def new(self, call: Call) -> web.Response:
        """GET the form."""
        registry = await self._desk.lookups.registry(call)
        return self._form(call, registry, read_source(Form()), Problems())

    async def fields(self, call: Call) -> web.Response:
        """POST an incomplete form, for the fields of another kind or proof."""
        registry = await self._desk.lookups.registry(call)
        return self._form(call, registry, read_source(call.request[FORM]), Problems())

    async def create(self, call: Call) -> web.Response:
        """POST a new source; the next page shows its secret once."""
        registry = await self._desk.lookups.registry(call)
        entry = read_source(call.request[FORM])
        try:
            _check_name(entry)
            path = self._desk.inner.source(registry.name, entry.name)
            await self._check_new(call, path)
            made = await self._desk.inner.ask(call, "PUT", path, {"properties": entry.body})
        except ArmError as error:
            if error.status >= 500 or error.status == 404:
                raise
            return self._form(call, registry, entry, problems_of_source(error, entry))
        return self._done(call, registry, made, f"The source {made['name']} was created.")

    async def edit(self, call: Call) -> web.Response:
        """GET the form of an existing source."""
        registry, found = await self._found(call)
        entry = entry_of_source(found["name"], found["properties"])
        return self._form(call, registry, entry, Problems(), found["name"])

    async def other_fields(self, call: Call) -> web.Response:
        """POST the incomplete form of an existing source, for the fields of another proof."""
        registry, found = await self._found(call)
        entry = read_source(call.request[FORM], found["properties"])
        return self._form(call, registry, entry, Problems(), found["name"])

    async def change(self, call: Call) -> web.Response:
        """POST the changes of a source; a secret that another proof needs is shown once."""
        registry, found = await self._found(call)
        name = found["name"]
        entry = read_source(call.request[FORM], found["properties"])
        try:
            path = self._desk.inner.source(registry.name, name)
            made = await self._desk.inner.ask(call, "PATCH", path, {"properties": entry.body})
        except ArmError as error:
            if error.status >= 500 or error.status == 404:
                raise
            return self._form(call, registry, entry, problems_of_source(error, entry), name)
        return self._done(call, registry, made, f"The source {name} was changed.")

    async def source(self, call: Call) -> web.Response:
        """GET the page of a source, with what is to be done on the other side."""
        return await self._on_page(call, "source.html")

    async def ask_rotation(self, call: Call) -> web.Response:
        """GET the question whether to rotate the secret: its sender must get the new one."""
        registry = await self._desk.lookups.registry(call)
        path = self._desk.inner.source(registry.name, call.names["source"])
        name = (await self._desk.inner.ask(call, "GET", path))["name"]
        return self._desk.pages.page(
            call,
            "rotate.html",
            registry=registry,
            name=name,
            back=source_path(registry.name, name),
            text="It gets a new secret, which is shown once. For a while the previous one is"
            " accepted, too: give the sender the new one in that time.",
        )

    async def rotate(self, call: Call) -> web.Response:
        """POST to rotate the secret; the next page shows the new one once."""
        registry = await self._desk.lookups.registry(call)
        name = call.names["source"]
        path = f"{self._desk.inner.source(registry.name, name)}/rotateSecret"
        try:
            made = await self._desk.inner.ask(call, "POST", path, {})
        except ArmError as error:
            if error.status != 409:
                raise
            to = source_path(registry.name, name)
            return self._desk.done(call, to, error.message, kind="bad")
        text = f"{made['name']} has a new secret; the previous one is accepted, too, for a while."
        return self._done(call, registry, made, text)

    async def confirm(self, call: Call) -> web.Response:
        """GET the question whether to delete it."""
        return await self._on_page(call, "source-delete.html")

    async def delete(self, call: Call) -> web.Response:
        """POST to delete it."""
        registry, found = await self._found(call)
        path = self._desk.inner.source(registry.name, found["name"])
        await self._desk.inner.ask(call, "DELETE", path)
        text = f"The source {found['name']} was deleted."
        return self._desk.done(call, sources_path(registry.name), text)

    async def _check_new(self, call: Call, path: str) -> None:
        """Refuse an existing name: a PUT would replace that source."""
        try:
            found = await self._desk.inner.ask(call, "GET", path)
        except ArmError as error:
            if error.status != 404:
                raise
            return
        problem = f"there is a source {found['name']} in this registry already"
        raise ArmError(409, "SourceExists", problem, target="name")

    async def _found(self, call: Call) -> tuple[Registry, Mapping[str, Any]]:
        """The registry and the source that the path names, as the API answers it."""
        registry = await self._desk.lookups.registry(call)
        path = self._desk.inner.source(registry.name, call.names["source"])
        return registry, await self._desk.inner.ask(call, "GET", path)

    async def _on_page(self, call: Call, template: str) -> web.Response:
        registry, found = await self._found(call)
        return self._desk.pages.page(
            call,
            template,
            registry=registry,
            source=self._shown(found),
        )

    def _done(
        self, call: Call, registry: Registry, made: Mapping[str, Any], text: str
    ) -> web.Response:
        secret = made["properties"].get("secret", "")
        if secret:
            text += " The new secret is shown only now, here and in the set-up below."
        return self._desk.done(call, source_path(registry.name, made["name"]), text, secret=secret)

    def _form(
        self,
        call: Call,
        registry: Registry,
        entry: SourceEntry,
        problems: Problems,
        changed: str = "",
    ) -> web.Response:
        return self._desk.pages.page(
            call,
            "source-form.html",
            400 if problems else 200,
            registry=registry,
            entry=entry,
            problems=problems,
            kinds=KINDS,
            changed=changed,
        )

    def _shown(self, source: Mapping[str, Any]) -> ShownSource:
        facts = source["properties"]
        needs_tls = facts["proof"] == Proof.CLIENT_CERTIFICATE
        url = self._producer_tls_url if needs_tls else self._producer_url
        return ShownSource(source["name"], facts, url)


def _check_name(entry: SourceEntry) -> None:
    """Check a name before it is used in a path."""
    try:
        check_source_name(entry.name)
    except InvalidValueError as error:
        raise ArmError(400, "InvalidRequestContent", error.problem, target="name") from error
