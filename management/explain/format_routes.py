"""Trying a format, over HTTP."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from aiohttp import web
from msgspec import UNSET
from pydantic import Field

from portcall.management.explain import shapes
from portcall.management.explain.format_tests import LAST, MAX_LAST, FormatTests, Formed
from portcall.management.http.bodies import Body
from portcall.management.http.calls import Call, answer
from portcall.management.http.fields import FilterSet, Format
from portcall.management.http.lookups import Lookups
from portcall.management.http.routes import REGISTRY, Routes
from portcall.store.access.principals import Role


class FormatTest(Body):
    """The body of testFormat.

    Attributes:
        format: A format as for a webhook; left out: ACR's.
        last: How many recent events to show; 0: an example. They are searched among the registry's
            last 500.
        filters: Filters as for a webhook, which may add to a payload; events that they hold back
            are not shown; left out: none.
    """

    format: Format = None
    last: Annotated[int, Field(ge=0, le=MAX_LAST)] = LAST
    filters: FilterSet = None


class FormatHandlers:
    """The route of trying a format.

    Args:
        lookups: Finds the registry.
        tests: Tries formats.
    """

    def __init__(self, *, lookups: Lookups, tests: FormatTests) -> None:
        self._lookups = lookups
        self._tests = tests

    def add_to(self, routes: Routes) -> None:
        """Add the route."""
        routes.add("POST", f"{REGISTRY}/testFormat", self.test_format, need=Role.READER)

    async def test_format(self, call: Call) -> web.Response:
        """POST a format: how the last events look in it."""
        body = await call.body(FormatTest, optional=True)
        registry = await self._lookups.registry(call)
        formed = await asyncio.to_thread(
            self._tests.try_format, registry.key, body.format, body.last, filters=body.filters
        )
        return answer(formed_answer(formed))


def formed_answer(formed: Sequence[Formed]) -> shapes.FormatTried:
    """Events in a format."""
    return shapes.FormatTried([_formed(each) for each in formed])


def _formed(formed: Formed) -> shapes.FormedEvent:
    event = formed.event
    return shapes.FormedEvent(
        id=event.id,
        action=event.action,
        repository=event.repository,
        tag=event.tag,
        is_example=formed.is_example,
        content_type=formed.common["Content-Type"],
        common_headers=dict(formed.common),
        headers=dict(formed.headers),
        body=formed.body,
        reason=formed.reason or UNSET,
    )
