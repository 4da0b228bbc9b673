"""Known tags: list them, and let tags count as seen without an event."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from msgspec import UNSET

from portcall.management.audit.look import BehindError
from portcall.management.http.calls import Call, answer, is_asked
from portcall.management.http.errors import ArmError, invalid_parameter, service_unavailable
from portcall.management.http.lookups import Lookups
from portcall.management.http.paging import TAGS_PAGE, next_link, page_size, skip_token
from portcall.management.http.routes import REGISTRY, Routes
from portcall.management.tags.bodies import Adoption
from portcall.management.tags.shapes import KnownTag, KnownTagList, TagsAdopted
from portcall.runtime.clock import now_ms
from portcall.runtime.errors import BrokerError
from portcall.runtime.logs import get_logger
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.scopes import check_repository
from portcall.schemas.timestamps import acr_timestamp
from portcall.store.engine import Store
from portcall.store.intake.known_tags import BEGINNING, Adopted, Place

KNOWN_TAGS = f"{REGISTRY}/knownTags"
ADOPT = f"{REGISTRY}/adoptTags"
TOKEN_KIND = "tags"  # noqa: S105 (not a secret)
FILTERS = ("repository",)

CatchUp = Callable[[], Awaitable[None]]
"""Waits until the recorder has entered earlier messages; raises Broker- and BehindError."""


class TagHandlers:
    """The routes of known tags.

    Args:
        store: The store.
        lookups: Finds the resources that a path names.
        catch_up: Waits until the events that were accepted before are entered.
    """

    def __init__(self, *, store: Store, lookups: Lookups, catch_up: CatchUp) -> None:
        self._store = store
        self._lookups = lookups
        self._catch_up = catch_up
        self._log = get_logger()

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("GET", KNOWN_TAGS, self.page)
        routes.add("POST", ADOPT, self.adopt)

    async def page(self, call: Call) -> web.Response:
        """GET the known tags; ``catchUp=true`` waits for events that were accepted before."""
        size = page_size(call, TAGS_PAGE)
        after = _after(call)
        repository = _repository(call)
        is_waiting = is_asked(call, "catchUp")
        registry = await self._lookups.registry(call)
        if is_waiting:
            await self._wait()
        found = await asyncio.to_thread(
            self._store.tags.page,
            registry.key,
            repository=repository,
            after=after,
            limit=size + 1,
        )
        shown = [
            KnownTag(each.repository, each.tag, each.digest, acr_timestamp(each.seen_ms))
            for each in found[:size]
        ]
        if len(found) <= size:
            return answer(KnownTagList(shown, UNSET))
        last = f"{shown[-1].repository}:{shown[-1].tag}"
        return answer(KnownTagList(shown, next_link(call, TOKEN_KIND, last, FILTERS)))

    async def adopt(self, call: Call) -> web.Response:
        """POST adoptTags: these tags count as seen, without an event."""
        body = await call.body(Adoption)
        registry = await self._lookups.registry(call)
        tags = [Adopted(each.repository, each.tag, each.digest) for each in body.tags]
        await asyncio.to_thread(self._store.tags.adopt, registry.key, tags, now_ms())
        self._log.info("tags.adopted", registry=registry.name, count=len(tags))
        return answer(TagsAdopted(len(tags)))

    async def _wait(self) -> None:
        try:
            await self._catch_up()
        except BrokerError as error:
            raise service_unavailable(f"The broker cannot be asked: {error}.") from error
        except BehindError as error:
            raise ArmError(503, "RecorderBehind", f"{str(error).capitalize()}.") from error


def _after(call: Call) -> Place:
    repository, _, tag = skip_token(call, TOKEN_KIND).rpartition(":")
    return (repository, tag) if repository else BEGINNING


def _repository(call: Call) -> str | None:
    text = call.parameter("repository")
    if text is None:
        return None
    try:
        return check_repository(text)
    except InvalidValueError as error:
        raise invalid_parameter("repository", error.problem) from error
