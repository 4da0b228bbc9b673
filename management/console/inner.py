"""The API, called by a page: the same routes, roles, rules, messages and log lines as over HTTP.

The console makes all changes through it: it can do nothing that the API would refuse.
"""

from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from portcall.management.app import refusal_of
from portcall.management.http.calls import Call, encode
from portcall.management.http.resources import registry_id
from portcall.management.http.roles import authorize
from portcall.management.http.routes import Routes
from portcall.store.database.installation import Installation

Json = Any
"""A JSON value."""


@dataclass(frozen=True, slots=True)
class Inner:
    """The API without HTTP.

    Attributes:
        routes: Its routes.
        installation: The installation of the ids.
    """

    routes: Routes
    installation: Installation

    async def ask(self, call: Call, method: str, path: str, body: object = None) -> Json:
        """Call the API as the principal of a page's call, and return the answer's JSON.

        Args:
            call: The page's.
            method: In capitals.
            path: An ARM path.
            body: The JSON to send; None: nothing.

        Raises:
            ArmError: The API refuses, with its usual message.
        """
        route, names = self.routes.find(method, path)
        authorize(call.principal, route, path)
        content = b"" if body is None else encode(body)
        try:
            answer = await route.handler(Call(call.request, names, call.principal, content))
        except Exception as error:
            refusal = refusal_of(error, method)
            if refusal is None:
                raise
            raise refusal from error
        if not isinstance(answer, web.Response) or not isinstance(answer.body, bytes):
            return None
        return msgspec.json.decode(answer.body) if answer.body else None

    def registry(self, name: str) -> str:
        """The path of a registry."""
        return registry_id(self.installation, name)

    def webhook(self, registry: str, name: str) -> str:
        """The path of a webhook."""
        return f"{self.registry(registry)}/webhooks/{name}"

    def source(self, registry: str, name: str) -> str:
        """The path of a source."""
        return f"{self.registry(registry)}/sources/{name}"
