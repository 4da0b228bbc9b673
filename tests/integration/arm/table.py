"""A row of the table: a request, and the status, the code and the shape that must come back.

In a request and in a shape these words are filled in:

==========  =============================================================
{host}      scheme and authority under which the server is asked
{sub}       /subscriptions/<the subscription>
{group}     {sub}/resourceGroups/portcall
{provider}  /providers/Microsoft.ContainerRegistry
{acrs}      {group}{provider}/registries
{acr}       {acrs}/Alpha
{hook}      {acr}/webhooks/Hook01, which has every field and three records
{guid}      the subscription alone
{tenant}    the tenant
==========  =============================================================
"""

import io
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession
from yarl import URL

from tests.unit.management.api import TOKEN, ManagementApi

Json = Any
VERSION = "2025-11-01"
GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
READING = ("GET", "HEAD")


class Like:
    """Equal to every text that a pattern matches as a whole."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.fullmatch(self.pattern, other) is not None

    def __hash__(self) -> int:
        return hash(self.pattern)

    def __repr__(self) -> str:
        return f"Like({self.pattern!r})"


class With:
    """Equal to every object that has at least these fields."""

    def __init__(self, **fields: Json) -> None:
        self.fields = fields

    def __eq__(self, other: object) -> bool:
        return isinstance(other, dict) and all(
            name in other and value == other[name] for name, value in self.fields.items()
        )

    def __hash__(self) -> int:
        return hash(tuple(self.fields))

    def __repr__(self) -> str:
        return f"With({self.fields!r})"


UUID = Like(GUID)
TIME = Like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z")
EMPTY = ""
"""The shape of an answer without a body."""


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        id: What it shows.
        request: Method and path; the api-version is added where there is none.
        status: That must come back.
        shape: The JSON that must come back, field by field; `EMPTY`: none.
        body: To send: JSON, or bytes as they are.
        headers: To send beside the token.
        then: Another row, on the same server, afterwards.
        version: The api-version; empty: none is sent.
        token: Of the caller; empty: none.
    """

    id: str
    request: str
    status: int
    shape: Json
    body: Json = None
    headers: Mapping[str, str] = field(default_factory=dict)
    then: "Row | None" = None
    version: str = VERSION
    token: str = TOKEN


@dataclass(frozen=True)
class Reply:
    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Json:
        return json.loads(self.text)


@dataclass(frozen=True)
class Arm:
    """A server, and how it is asked."""

    host: str
    client: ClientSession
    api: ManagementApi
    trust: ssl.SSLContext | None = None

    @property
    def words(self) -> dict[str, str]:
        provider = "/providers/Microsoft.ContainerRegistry"
        acrs = f"{self.api.group}{provider}/registries"
        return {
            "{host}": self.host,
            "{sub}": self.api.subscription,
            "{group}": self.api.group,
            "{provider}": provider,
            "{acrs}": acrs,
            "{acr}": f"{acrs}/Alpha",
            "{hook}": f"{acrs}/Alpha/webhooks/Hook01",
            "{guid}": self.api.installation.subscription,
            "{tenant}": self.api.installation.tenant,
        }

    def fill(self, shape: Json) -> Json:
        """The shape with the words filled in, wherever a text stands."""
        match shape:
            case str():
                for word, meaning in self.words.items():
                    shape = shape.replace(word, meaning)
                return shape
            case Like():
                pattern = shape.pattern
                for word, meaning in self.words.items():
                    pattern = pattern.replace(word, re.escape(meaning))
                return Like(pattern)
            case dict():
                return {self.fill(name): self.fill(value) for name, value in shape.items()}
            case list():
                return [self.fill(value) for value in shape]
            case _:
                return shape

    async def ask(
        self,
        request: str,
        body: Json = None,
        *,
        headers: Mapping[str, str] | None = None,
        token: str = TOKEN,
    ) -> Reply:
        """Make a request and read the answer; a *body* that is not bytes is sent as JSON."""
        method, _, path = request.partition(" ")
        url = path if path.startswith("http") else f"{self.host}{path}"
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        if content is not None:
            sent["Content-Type"] = "application/json; charset=utf-8"
        async with self.client.request(
            method,
            URL(url, encoded=True),
            data=None if content is None else io.BytesIO(content),
            headers=sent | dict(headers or {}),
            ssl=self.trust or True,
            allow_redirects=False,
        ) as answer:
            return Reply(answer.status, await answer.text(), dict(answer.headers))

    async def check(self, row: Row) -> Reply:
        """Send a row's request, and hold the answer to it and to what holds for every answer."""
        method, _, path = self.fill(row.request).partition(" ")
        if row.version:
            path += f"{'&' if '?' in path else '?'}api-version={row.version}"
        before = self.api.store.webhooks.revision()
        reply = await self.ask(
            f"{method} {path.replace(' ', '%20')}", row.body, headers=row.headers, token=row.token
        )
        assert reply.status == row.status, reply.text
        if row.shape is EMPTY:
            assert not reply.text
        else:
            assert reply.json == self.fill(row.shape), reply.text
        check_headers(reply, has_body=method != "HEAD" and bool(reply.text))
        if row.status >= 400 or method in READING:
            assert self.api.store.webhooks.revision() == before
        if row.then is not None:
            return await self.check(row.then)
        return reply


def check_headers(reply: Reply, *, has_body: bool) -> None:
    """What every answer has, and what none has."""
    headers = {name.lower(): value for name, value in reply.headers.items()}
    assert headers["x-ms-request-id"] == UUID
    assert headers["x-ms-correlation-request-id"] == UUID
    assert headers["cache-control"] == headers["pragma"] == "no-cache"
    assert headers["expires"] == "-1"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["server"] == "Portcall"
    assert "retry-after" not in headers
    assert reply.status < 500
    if has_body:
        assert headers["content-type"] == "application/json; charset=utf-8"
        assert int(headers["content-length"]) == len(reply.text.encode())
    elif reply.status < 400:
        assert "content-type" not in headers
        assert headers.get("content-length", "0") == "0"
    assert (reply.status == 401) == ("www-authenticate" in headers)
    assert (reply.status == 405) == ("allow" in headers)
    assert "MissingSubscriptionRegistration" not in reply.text


def ids(row: Row) -> str:
    return row.id


def error(code: str, message: Json, target: str | None = None, **more: Json) -> Json:
    """The envelope of a refusal."""
    fault: dict[str, Json] = {"code": code, "message": message}
    if target is not None:
        fault["target"] = target
    return {"error": fault | more}
