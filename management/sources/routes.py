"""Sources: list, get, create, delete, and rotate the secret."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import web
from msgspec import UNSET

from portcall.management.http.announcements import announce
from portcall.management.http.calls import Call, answer
from portcall.management.http.errors import (
    ArmError,
    FieldFault,
    invalid_content,
    resource_not_found,
)
from portcall.management.http.lookups import Lookups
from portcall.management.http.resources import REGISTRY_TYPE, registry_id
from portcall.management.http.routes import REGISTRY, Routes
from portcall.management.sources.bodies import SourceProperties, SourcePut, SourceRotation
from portcall.management.sources.shapes import Source, SourceFacts, SourceList
from portcall.runtime.broker.publishing import Announcer
from portcall.runtime.logs import get_logger
from portcall.schemas import sources as rules
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.options.drafts import Draft, check_chosen_secret, draft_of
from portcall.schemas.sources import Proof, check_source_name, new_secret
from portcall.schemas.timestamps import acr_timestamp
from portcall.store.engine import Store
from portcall.store.errors import SourceExistsError, TooManySourcesError
from portcall.store.sources.sources import SourceRow
from portcall.store.webhooks.registries import Registry

SOURCES = f"{REGISTRY}/sources"
SOURCE = f"{SOURCES}/{{source}}"
SOURCE_TYPE = f"{REGISTRY_TYPE}/sources"

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A source that someone wants, checked."""

    draft: Draft
    secret: str = field(repr=False)


class SourceHandlers:
    """The routes of sources.

    Args:
        store: The store.
        lookups: Finds the resources that a path names.
        announcer: Notifies the other roles of changes.
        overlap_ms: How long a previous secret is accepted, by default.
    """

    def __init__(
        self, *, store: Store, lookups: Lookups, announcer: Announcer, overlap_ms: int
    ) -> None:
        self._store = store
        self._lookups = lookups
        self._announcer = announcer
        self._overlap_ms = overlap_ms
        self._log = get_logger()

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("GET", SOURCES, self.list)
        routes.add("GET", SOURCE, self.get)
        routes.add("PUT", SOURCE, self.create)
        routes.add("DELETE", SOURCE, self.delete)
        routes.add("POST", f"{SOURCE}/rotateSecret", self.rotate)

    async def list(self, call: Call) -> web.Response:
        """GET the sources of a registry."""
        registry = await self._lookups.registry(call)
        rows = await asyncio.to_thread(self._store.sources.list, registry.key)
        return answer(SourceList([self._told(registry, each) for each in rows]))

    async def get(self, call: Call) -> web.Response:
        """GET a source, without its secret."""
        registry = await self._lookups.registry(call)
        row = await asyncio.to_thread(self._store.sources.get, registry.key, call.names["source"])
        if row is None:
            raise self._missing(call)
        return answer(self._told(registry, row))

    async def create(self, call: Call) -> web.Response:
        """PUT a source: 201 with its secret, only in this answer; one that exists is a 409."""
        body = await call.body(SourcePut)
        registry = await self._lookups.registry(call)
        name = ruled(lambda: check_source_name(call.names["source"]), "")
        wanted = checked(body.properties)
        try:
            row = await asyncio.to_thread(
                self._store.sources.create,
                registry.key,
                name,
                kind=wanted.draft.kind,
                proof=wanted.draft.proof,
                secret=wanted.secret,
                options=wanted.draft.options,
                networks=wanted.draft.networks,
            )
        except SourceExistsError as error:
            raise ArmError(409, "SourceExists", f"{error}.", target="name") from error
        except TooManySourcesError as error:
            raise ArmError(409, "QuotaExceeded", f"{error}.") from error
        self._log.info(
            "source.created",
            registry=registry.name,
            source=row.name,
            kind=row.kind.value,
            proof=row.proof.value,
        )
        await self._announce()
        return answer(self._told(registry, row, wanted.secret), 201)

    async def delete(self, call: Call) -> web.Response:
        """DELETE a source: 200, or 204 if there was none."""
        registry = await self._lookups.registry(call)
        name = call.names["source"]
        if not await asyncio.to_thread(self._store.sources.delete, registry.key, name):
            return web.Response(status=204)
        self._log.info("source.deleted", registry=registry.name, source=name[:50])
        await self._announce()
        return web.Response(status=200)

    async def rotate(self, call: Call) -> web.Response:
        """POST rotateSecret: a new secret, only in this answer; the previous one works a while."""
        body = await call.body(SourceRotation, optional=True)
        registry = await self._lookups.registry(call)
        overlap_ms = self._overlap_ms if body.overlap is None else body.overlap

        def make(proof: Proof) -> str:
            if proof is Proof.OIDC:
                raise ArmError(
                    409, "SourceWithoutSecret", "The source checks tokens: it has no secret."
                )
            return ruled(lambda: secret_for(proof, body.secret), "")

        found = await asyncio.to_thread(
            self._store.sources.rotate,
            registry.key,
            call.names["source"],
            make,
            overlap_ms=overlap_ms,
        )
        if found is None:
            raise self._missing(call)
        row, secret = found
        self._log.info(
            "source.rotated", registry=registry.name, source=row.name, overlap_ms=overlap_ms
        )
        await self._announce()
        return answer(self._told(registry, row, secret))

    async def _announce(self) -> None:
        await announce(self._announcer, await asyncio.to_thread(self._store.webhooks.revision))

    def _missing(self, call: Call) -> ArmError:
        names = f"{call.names['registry']}/sources/{call.names['source'][:64]}"
        group = self._lookups.installation.resource_group
        return resource_not_found("registries", names, group)

    def _told(self, registry: Registry, row: SourceRow, secret: str = "") -> Source:
        path = f"/registries/{registry.name}/sources/{row.name}"
        if row.proof is Proof.PATH:
            path += f"/{secret or '{secret}'}"
        header, _ = rules.HEADERS.get((row.kind, row.proof), ("", ""))
        return Source(
            type=SOURCE_TYPE,
            id=f"{registry_id(self._lookups.installation, registry.name)}/sources/{row.name}",
            name=row.name,
            properties=SourceFacts(
                kind=row.kind,
                proof=row.proof,
                path=path,
                header=row.options.get("header", header),
                options=dict(row.options),
                networks=[*row.networks],
                created_at=acr_timestamp(row.created_ms),
                changed_at=acr_timestamp(row.changed_ms),
                secret=secret or UNSET,
                previous_until=acr_timestamp(row.old_until_ms) if row.old_until_ms else UNSET,
            ),
        )


def checked(sent: SourceProperties) -> Wanted:
    """What a body asks for.

    Raises:
        ArmError: 400: A field breaks a rule.
    """
    draft = ruled(
        lambda: draft_of(sent.kind, sent.proof, sent.options, sent.networks, sent.secret),
        "properties.",
    )
    return Wanted(draft, secret_for(draft.proof, sent.secret))


def secret_for(proof: Proof, chosen: str | None) -> str:
    """The secret of a new source, or of a rotation: the chosen one, or a new one.

    Raises:
        InvalidValueError: The chosen one breaks a rule, or the proof has none.
    """
    check_chosen_secret(chosen, proof)
    return "" if proof is Proof.OIDC else chosen or new_secret()


def ruled(check: Callable[[], Value], prefix: str) -> Value:
    """What *check* gives.

    Raises:
        ArmError: 400: A rule is broken; the field is named.
    """
    try:
        return check()
    except InvalidValueError as error:
        raise invalid_content([FieldFault(f"{prefix}{error.field}", error.problem)]) from error
