"""listEvents and followEvents: the records of a webhook, in ACR's form."""

import asyncio

from aiohttp import web
from msgspec import UNSET

from portcall.management.events.answers import acr_event, stored
from portcall.management.events.follow import Follower, Followers
from portcall.management.events.shapes import EventList
from portcall.management.events.tags import tags_of
from portcall.management.http.calls import Call, answer
from portcall.management.http.lookups import Lookups
from portcall.management.http.paging import EVENTS_PAGE, next_link, page_size, skip_number
from portcall.management.http.routes import WEBHOOK, Routes
from portcall.store.access.principals import Role
from portcall.store.engine import Store
from portcall.store.records.event_log import StoredRecord

KEEP_ALIVE_S = 15.0
"""How long a follower's stream may be silent."""
WRITE_TIMEOUT_S = 15.0
"""How long a follower may leave data unread once the buffers are full."""

TOKEN_KIND = "events"  # noqa: S105 (not a secret)

_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")


class EventHandlers:
    """The routes of records.

    Args:
        store: The store.
        lookups: Finds the resources that a path names.
        followers: Followers of the stream.
    """

    def __init__(self, *, store: Store, lookups: Lookups, followers: Followers) -> None:
        self._store = store
        self._lookups = lookups
        self._followers = followers

    def add_to(self, routes: Routes) -> None:
        """Add the routes; clients use GET for a nextLink, so listEvents has GET and POST."""
        routes.add("POST", f"{WEBHOOK}/listEvents", self.page, need=Role.READER)
        routes.add("GET", f"{WEBHOOK}/listEvents", self.page)
        routes.add("GET", f"{WEBHOOK}/followEvents", self.follow)

    async def page(self, call: Call) -> web.Response:
        """A page of a webhook's records, newest first, divided by the record's id."""
        size = page_size(call, EVENTS_PAGE)
        before = skip_number(call, TOKEN_KIND)
        webhook = await self._lookups.webhook(call)
        records, tags = await asyncio.to_thread(self._read, webhook.id, before, size + 1)
        shown = records[:size]
        link = next_link(call, TOKEN_KIND, shown[-1].id) if len(records) > size else UNSET
        value = [acr_event(stored(record, tags.get(record.id, ()))) for record in shown]
        return answer(EventList(value, link))

    def _read(
        self, webhook_id: int, before: int | None, limit: int
    ) -> tuple[list[StoredRecord], dict[int, list[str]]]:
        """Records, and the tags of the deletes among them."""
        records = self._store.eventlog.page(webhook_id, before=before, limit=limit)
        return records, tags_of(self._store.journal, records)

    async def follow(self, call: Call) -> web.StreamResponse:
        """A webhook's new records: server-sent events, one for each record.

        The comment ``: following`` means that all later records are sent; a comment ends each
        silence of `KEEP_ALIVE_S`, and a last one says why the stream ends.
        """
        webhook = await self._lookups.webhook(call)
        follower = await self._followers.join(webhook.id)
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                "X-Accel-Buffering": "no",
            }
        )
        try:
            await response.prepare(call.request)
            await _tell(response, follower)
        except TimeoutError:
            if call.request.transport is not None:
                call.request.transport.abort()  # otherwise closing would wait for the client, too
        except ConnectionError:
            pass  # the client left
        finally:
            self._followers.leave(follower)
        return response


async def _tell(response: web.StreamResponse, follower: Follower) -> None:
    """Write the events of *follower* until there are no more, or the client fails.

    Raises:
        TimeoutError: The client does not read.
        ConnectionError: The client left.
    """
    await _write(response, b": following\n\n")
    while True:
        try:
            async with asyncio.timeout(KEEP_ALIVE_S):
                event = await follower.next()
        except TimeoutError:
            await _write(response, b": keep-alive\n\n")
            continue
        if event is None:
            await _write(response, f": {follower.farewell}\n\n".encode())
            return
        await _write(response, sse(event))


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_TIMEOUT_S):
        await response.write(data)


def sse(event: bytes) -> bytes:
    """One JSON text as a server-sent event.

    A line break ends a field there. In JSON it can only be white space between tokens, which a
    publisher's own body may have: a blank means the same.
    """
    return b"data: " + event.translate(_LINE_BREAKS) + b"\n\n"
