"""The management API of one server, with blocking calls.

ARM's error envelopes become the exceptions of `cli.errors`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

from portcall.cli.errors import NotFoundError, ServiceError
from portcall.cli.server import Server, find_server
from portcall.cli.transport import HttpTransport, Reply, Transport

API_VERSION = "2025-11-01"
REGISTRY_TYPE = "Microsoft.ContainerRegistry/registries"

Document = dict[str, Any]
"""A JSON object of the API. The server defines its shape; commands print it and read few fields."""


class Management:
    """The management API of one server.

    Every call raises `NotRunningError` when the server does not answer, `NotFoundError` for a 404
    and `ServiceError` for any other answer that is not a success.
    """

    def __init__(self, server: Server, transport: Transport | None = None) -> None:
        self._server = server
        self._subscription = server.subscription
        self._http = transport or HttpTransport(
            server.management_url,
            token=server.token,
            ca_file=str(server.ready.get("ca_file") or ""),
        )

    @property
    def producer_url(self) -> str:
        """Where events are published; with ``--url`` alone, the same address."""
        return self._server.producer_url

    @property
    def producer_tls_url(self) -> str:
        """The same over TLS, where the producer has TLS of its own; else the same address."""
        return str(self._server.ready.get("producer_tls_url") or self.producer_url)

    @classmethod
    def at(cls, url: str | None) -> Self:
        """Return the API of the server that ``--url`` names, or else the home folder."""
        return cls(find_server(url))

    @property
    def subscription(self) -> str:
        """The subscription's path, ``/subscriptions/<guid>``."""
        if not self._subscription:
            page = self.ask("GET", "/subscriptions")
            values = page.get("value") or [{}]
            self._subscription = str(values[0].get("subscriptionId", ""))
        return f"/subscriptions/{self._subscription}"

    def registry_path(self, name: str, group: str | None = None) -> str:
        """The path of a registry, whether it exists or not."""
        group = group or self._server.resource_group
        return (
            f"{self.subscription}/resourceGroups/{quote(group, safe='')}"
            f"/providers/{REGISTRY_TYPE}/{quote(name, safe='')}"
        )

    def registries(self, group: str | None = None) -> Iterator[Document]:
        """Every registry, or those of one resource group."""
        within = f"/resourceGroups/{quote(group, safe='')}" if group else ""
        return self.pages("GET", f"{self.subscription}{within}/providers/{REGISTRY_TYPE}")

    def find_registry(
        self, name: str, group: str | None = None, *, wanted: bool = True
    ) -> Document:
        """Return the registry of that name, in *group* or, without one, in any group.

        Args:
            name: Its name, or its login server.
            group: A resource group; None: any.
            wanted: Whether the user wants to have it; the error then says how to create it.

        Raises:
            NotFoundError: It does not exist.
        """
        name = name.partition(".")[0]  # az accepts a login server as a name, too
        try:
            return self.ask("GET", self.registry_path(name, group))
        except NotFoundError as error:
            for registry in () if group else self.registries():
                if str(registry.get("name", "")).lower() == name.lower():
                    return registry
            where = f" in the resource group {group!r}" if group else ""
            option = f" -g {group}" if group else ""
            create = f"create it with `portcall registry create {name}{option}`, or "
            raise NotFoundError(
                f"the registry {name!r} does not exist{where}: {create if wanted else ''}see"
                " `portcall registry list`",
                status=error.status,
                code=error.code,
            ) from error

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
    ) -> Document:
        """Make one call and return the object of the answer; empty if the answer has none."""
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        reply = self.send(method, path, content, query=query)
        return reply.document if isinstance(reply.document, dict) else {}

    def send(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        *,
        content_type: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Reply:
        """Make one call with a body of any type and return the answer as received."""
        reply = self._http.request(method, _target(path, query), content, content_type)
        check(reply)
        return reply

    def pages(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None
    ) -> Iterator[Document]:
        """Yield every item of a listing; pages are fetched as needed."""
        for page in self.whole_pages(method, path, query=query):
            yield from page.get("value") or ()

    def whole_pages(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None
    ) -> Iterator[Document]:
        """Yield the pages of a listing, fetched as needed."""
        page = self.ask(method, path, query=query)
        while True:
            yield page
            following = page.get("nextLink")
            if not following:
                return
            link = urlsplit(str(following))
            page = self.ask("GET", f"{link.path}?{link.query}")

    def lines(
        self, path: str, accept: str, *, query: Mapping[str, str] | None = None
    ) -> Iterator[bytes]:
        """Yield the lines of an endless answer."""
        for line in self._http.lines(_target(path, query), accept):
            if isinstance(line, Reply):
                check(line)
                return
            yield line


def webhook_path(registry: Document, name: str) -> str:
    """The path of a webhook, whether it exists or not."""
    return f"{registry.get('id', '')}/webhooks/{quote(name, safe='')}"


def source_path(registry: Document, name: str) -> str:
    """The path of a source, whether it exists or not."""
    return f"{registry.get('id', '')}/sources/{quote(name, safe='')}"


def check(reply: Reply) -> None:
    """Raise the error for an answer that is not a success, with the server's own message.

    Raises:
        NotFoundError: It was a 404.
        ServiceError: Any other status from 300.
    """
    if reply.status < 300:
        return
    document = reply.document
    error = _object(document.get("error")) if isinstance(document, dict) else {}
    code = str(error.get("code") or "")
    message = str(error.get("message") or f"the server answered {reply.status}")
    details = [_object(detail) for detail in error.get("details") or ()] or [error]
    faults = tuple(
        (str(detail.get("target") or ""), str(detail.get("message") or message))
        for detail in details
    )
    text = message_of(code, faults)
    if reply.status == 401:
        text += " Set PORTCALL_TOKEN to the administrator's token of this server."
    kind = NotFoundError if reply.status == 404 else ServiceError
    raise kind(text, status=reply.status, code=code, faults=faults)


def message_of(code: str, faults: Iterable[tuple[str, str]]) -> str:
    """Return the message of an error: a line for each fault, with the field unless it is there.

    Args:
        code: ARM's code; empty: there is none.
        faults: Fields, or empty texts, with what is wrong with them.
    """
    text = "\n".join(
        problem if problem.startswith(field) else f"{field}: {problem}" for field, problem in faults
    )
    return f"({code}) {text}" if code else text


def _object(document: object) -> Document:
    return document if isinstance(document, dict) else {}


def _target(path: str, query: Mapping[str, str] | None = None) -> str:
    """Return a request's target; every request names its API version."""
    pairs = {} if "api-version=" in path else {"api-version": API_VERSION}
    pairs.update(query or {})
    if not pairs:
        return path
    return f"{path}{'&' if '?' in path else '?'}{urlencode(pairs)}"
