"""Find the server that a command talks to, and call its management API with blocking calls.

The server comes from ``$PORTCALL_HOME/ready.json``, which `portcall up` writes, or from ``--url``
and ``PORTCALL_TOKEN``. ARM's error envelopes become the exceptions of `cli.errors`.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

from portcall.cli.errors import NotFoundError, NotRunningError, ServiceError, UsageError
from portcall.cli.transport import HttpTransport, Reply, Transport, shown

API_VERSION = "2025-11-01"
DEFAULT_HOME = ".portcall"
RESOURCE_GROUP = "portcall"
REGISTRY_TYPE = "Microsoft.ContainerRegistry/registries"

Document = dict[str, Any]
"""A JSON object of the API. The server defines its shape; commands print it and read few fields."""


@dataclass(frozen=True, slots=True)
class Server:
    """An installation that commands talk to.

    Attributes:
        management_url: Of the management API, without a slash at the end.
        producer_url: Where events are published; with ``--url`` alone, the same address.
        token: The administrator's token.
        subscription: Its subscription's GUID; empty with ``--url`` alone (read from the API).
        resource_group: The resource group of new registries.
        ready: The content of ready.json; empty with ``--url`` alone.
    """

    management_url: str
    producer_url: str
    token: str = field(repr=False)
    subscription: str = ""
    resource_group: str = RESOURCE_GROUP
    ready: Mapping[str, Any] = field(default_factory=dict, repr=False)


def home_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of this installation: ``$PORTCALL_HOME``, else ``./.portcall``."""
    environ = os.environ if environ is None else environ
    return Path(environ.get("PORTCALL_HOME") or DEFAULT_HOME)


def find_server(
    url: str | None = None,
    token: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> Server:
    """Return the server that the options and the environment name.

    Args:
        url: The value of ``--url``: the management API, or for `portcall emit` the producer.
        token: The administrator's token, where it is not in ``PORTCALL_TOKEN`` or ready.json.
        environ: The environment; by default that of the process.

    Raises:
        NotRunningError: No ``--url``, and `portcall up` is not running in this home.
        UsageError: ``--url`` without a token.
    """
    environ = os.environ if environ is None else environ
    home = home_folder(environ)
    if url is None:
        return _from_ready(read_ready(home), token, home / "ready.json")
    url = url.rstrip("/")
    try:
        here = read_ready(home)
    except NotRunningError:
        here = {}
    known = ("management_url", "management_tls_url", "producer_url")
    if url in {str(here.get(key)).rstrip("/") for key in known}:
        return _at_home(url, here, token or environ.get("PORTCALL_TOKEN"))
    token = token or environ.get("PORTCALL_TOKEN")
    if not token:
        raise UsageError(
            f"--url {shown(url)} needs the administrator's token of that server: set PORTCALL_TOKEN"
        )
    return Server(url, url, token)


def read_ready(home: Path) -> Document:
    """Read what `portcall up` wrote about itself.

    Raises:
        NotRunningError: It is not running in *home*, or its file cannot be read.
    """
    path = home / "ready.json"
    try:
        ready = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise NotRunningError(
            f"`portcall up` is not running here: {path} does not exist. Start it, or set"
            " PORTCALL_HOME to the folder where it runs, or name a server with --url and"
            " PORTCALL_TOKEN"
        ) from None
    except OSError as error:
        raise NotRunningError(
            f"{path} cannot be read ({error.strerror}): use the account that runs `portcall"
            " up`, or name a server with --url and PORTCALL_TOKEN"
        ) from error
    except ValueError as error:
        raise NotRunningError(f"{path} is damaged ({error}): restart `portcall up`") from error
    if not isinstance(ready, dict):
        raise NotRunningError(f"{path} is damaged (not a JSON object): restart `portcall up`")
    return ready


def _from_ready(ready: Document, token: str | None, path: Path) -> Server:
    try:
        return Server(
            management_url=str(ready["management_url"]).rstrip("/"),
            producer_url=str(ready["producer_url"]).rstrip("/"),
            token=token or str(ready["token"]),
            subscription=str(ready["subscription"]),
            resource_group=str(ready["resource_group"]),
            ready=ready,
        )
    except KeyError as error:
        raise NotRunningError(
            f"{path} is damaged ({error} is missing): restart `portcall up`"
        ) from None


def _at_home(url: str, ready: Document, token: str | None) -> Server:
    """Return the server for an address in ready.json that ``--url`` names: its token is known."""
    known = _from_ready(ready, token, Path("ready.json"))
    if url == known.producer_url:
        return known
    return Server(
        url, known.producer_url, known.token, known.subscription, known.resource_group, ready
    )


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

    def find_registry(self, name: str, group: str | None = None) -> Document:
        """Return the registry of that name, in *group* or, without one, in any group.

        Raises:
            NotFoundError: It does not exist; the message says how to create it.
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
            raise NotFoundError(
                f"the registry {name!r} does not exist{where}: create it with"
                f" `portcall registry create {name}{option}`, or see `portcall registry list`",
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
    text = "\n".join(
        problem if problem.startswith(field) else f"{field}: {problem}" for field, problem in faults
    )
    if reply.status == 401:
        text += " Set PORTCALL_TOKEN to the administrator's token of this server."
    kind = NotFoundError if reply.status == 404 else ServiceError
    raise kind(f"({code}) {text}" if code else text, status=reply.status, code=code, faults=faults)


def _object(document: object) -> Document:
    return document if isinstance(document, dict) else {}


def _target(path: str, query: Mapping[str, str] | None = None) -> str:
    """Return a request's target; every request names its API version."""
    pairs = {} if "api-version=" in path else {"api-version": API_VERSION}
    pairs.update(query or {})
    if not pairs:
        return path
    return f"{path}{'&' if '?' in path else '?'}{urlencode(pairs)}"
