"""Sources: list, get, put, patch, delete, and rotate the secret."""

import asyncio
from functools import partial

from aiohttp import web

from portcall.management.http.announcements import announce
from portcall.management.http.calls import Call, answer
from portcall.management.http.errors import ArmError, resource_not_found
from portcall.management.http.lookups import Lookups
from portcall.management.http.routes import REGISTRY, Routes
from portcall.management.sources.answers import source_answer
from portcall.management.sources.bodies import SourceChanges, SourcePatch, SourcePut, SourceRotation
from portcall.management.sources.drafts import patch, put, ruled, secret_for
from portcall.management.sources.shapes import SourceList
from portcall.runtime.broker.publishing import Announcer
from portcall.runtime.logs import get_logger
from portcall.schemas.sources import check_source_name
from portcall.store.engine import Store
from portcall.store.errors import TooManySourcesError
from portcall.store.sources.rows import SourceRow
from portcall.store.webhooks.registries import Registry

SOURCES = f"{REGISTRY}/sources"
SOURCE = f"{SOURCES}/{{source}}"


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
        self._installation = lookups.installation
        self._announcer = announcer
        self._overlap_ms = overlap_ms
        self._log = get_logger()

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("GET", SOURCES, self.list)
        routes.add("GET", SOURCE, self.get)
        routes.add("PUT", SOURCE, self.put)
        routes.add("PATCH", SOURCE, self.patch)
        routes.add("DELETE", SOURCE, self.delete)
        routes.add("POST", f"{SOURCE}/rotateSecret", self.rotate)

    async def list(self, call: Call) -> web.Response:
        """GET the sources of a registry."""
        registry = await self._lookups.registry(call)
        rows = await asyncio.to_thread(self._store.sources.list, registry.key)
        return answer(
            SourceList([source_answer(self._installation, registry, each) for each in rows])
        )

    async def get(self, call: Call) -> web.Response:
        """GET a source, without its secret."""
        registry = await self._lookups.registry(call)
        row = await asyncio.to_thread(self._store.sources.get, registry.key, call.names["source"])
        if row is None:
            raise self._missing(call)
        return answer(source_answer(self._installation, registry, row))

    async def put(self, call: Call) -> web.Response:
        """PUT a source: created (201), or replaced as `management.sources.drafts` says."""
        body = await call.body(SourcePut)
        registry = await self._lookups.registry(call)
        name = ruled(lambda: check_source_name(call.names["source"]), "")
        decision = put(body.properties)
        try:
            row, created = await asyncio.to_thread(
                self._store.sources.put, registry.key, name, decision
            )
        except TooManySourcesError as error:
            raise ArmError(409, "QuotaExceeded", f"{error}.") from error
        await self._changed("source.created" if created else "source.updated", registry, row)
        return answer(
            source_answer(self._installation, registry, row, decision.secret),
            201 if created else 200,
        )

    async def patch(self, call: Call) -> web.Response:
        """PATCH a source: sent fields change."""
        body = await call.body(SourcePatch)
        registry = await self._lookups.registry(call)
        decision = patch(body.properties or SourceChanges())
        row = await asyncio.to_thread(
            self._store.sources.patch, registry.key, call.names["source"], decision
        )
        if row is None:
            raise self._missing(call)
        await self._changed("source.updated", registry, row)
        return answer(source_answer(self._installation, registry, row, decision.secret))

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
        found = await asyncio.to_thread(
            self._store.sources.rotate,
            registry.key,
            call.names["source"],
            partial(secret_for, chosen=body.secret),
            overlap_ms=overlap_ms,
        )
        if found is None:
            raise self._missing(call)
        row, secret = found
        self._log.info(
            "source.rotated", registry=registry.name, source=row.name, overlap_ms=overlap_ms
        )
        await self._announce()
        return answer(source_answer(self._installation, registry, row, secret))

    async def _changed(self, told: str, registry: Registry, row: SourceRow) -> None:
        self._log.info(
            told,
            registry=registry.name,
            source=row.name,
            kind=row.kind.value,
            proof=row.proof.value,
        )
        await self._announce()

    async def _announce(self) -> None:
        await announce(self._announcer, await asyncio.to_thread(self._store.webhooks.revision))

    def _missing(self, call: Call) -> ArmError:
        names = f"{call.names['registry']}/sources/{call.names['source'][:64]}"
        group = self._lookups.installation.resource_group
        return resource_not_found("registries", names, group)
