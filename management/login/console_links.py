"""Links to the console over HTTP, for `portcall up` and `portcall console`."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from aiohttp import web

from portcall.management.http.access import Principal
from portcall.management.http.calls import Call, answer
from portcall.management.http.routes import CONSOLE, Routes
from portcall.management.login.shapes import ConsoleLink
from portcall.runtime.logs import get_logger
from portcall.schemas.timestamps import acr_timestamp

PATH = "/portcall/consoleLinks"


class Code(Protocol):
    """A code that signs in once."""

    @property
    def text(self) -> str:
        """The code itself."""

    @property
    def until_s(self) -> int:
        """When it expires, seconds since the epoch."""


class ConsoleLinkHandler:
    """The route of links; for administrators only.

    Args:
        make: Makes a code for the caller; it blocks.
    """

    def __init__(self, make: Callable[[Principal], Code]) -> None:
        self._make = make
        self._log = get_logger()

    def add_to(self, routes: Routes) -> None:
        """Add the route."""
        routes.add("POST", PATH, self.create)

    async def create(self, call: Call) -> web.Response:
        """POST a link: 201 with a URL that signs in once.

        The code is in the fragment: browsers do not send that to servers, proxies or as referrer.
        """
        console = f"{call.origin}{CONSOLE}"
        code = await asyncio.to_thread(self._make, call.principal)
        self._log.info(
            "console_link.created", by=call.principal.name, works_s=code.until_s - int(time.time())
        )
        return answer(
            ConsoleLink(
                console_url=console,
                url=f"{console}/sign-in#link={code.text}",
                expires_at=acr_timestamp(code.until_s * 1000),
            ),
            201,
        )
