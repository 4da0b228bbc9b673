"""Every bad request of the tables, as it goes over the wire, with the answer that it must get."""

import http.client
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from tests.integration.surface.roles import REGISTRIES, SUBSCRIPTION, TOKEN
from tests.integration.test_producer import REFUSED
from tests.unit.management.api import GUEST_TOKEN
from tests.unit.management.api import TOKEN as UNIT_TOKEN
from tests.unit.management.row import Row
from tests.unit.management.test_refusals import ROWS as MANAGEMENT_ROWS
from tests.unit.producer.test_bad_input import BATCH, ENVELOPES, EVENTS, STRUCTURED

EVENTS_PATH = "/registries/Alpha/events"
NOTIFICATIONS_PATH = "/registries/Alpha/notifications"
BEARER = f"Bearer {TOKEN}"
_PLACES = {
    "{registries}": REGISTRIES,
    "{registry}": f"{REGISTRIES}/Alpha",
    "{webhook}": f"{REGISTRIES}/Alpha/webhooks",
    "{group}": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/portcall",
    "{subscription}": f"/subscriptions/{SUBSCRIPTION}",
}


_BELOW = dict.fromkeys(
    ("made-up method", "said to be too large"), (400, "BadRequest", "well-formed HTTP")
)
"""What the HTTP parser refuses before it is a request, where the unit tests have no parser."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = json.loads(self.body)["error"]
        return error


@dataclass(frozen=True)
class Bad:
    """One bad request.

    Attributes:
        id: What is bad about it.
        server: ``management`` or ``producer``.
        path: With its query.
        status: Of the answer.
        code: Of the error.
        names: What its message must have in it: the field at fault, where there is one.
        target: The error's own; None: it has none.
    """

    id: str
    server: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int
    code: str
    names: str = ""
    target: str | None = None

    def send(self, url: str) -> Answer:
        """Send it, and read the answer."""
        return send(url, self.method, self.path, self.headers, self.body)


def send(url: str, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
    """Make a request, and read its answer."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value.encode("utf-8", "surrogateescape"))
        given = {name.lower() for name in headers}
        if "content-length" not in given and (body or method in ("POST", "PUT", "PATCH")):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        connection.close()


def _management(row: Row) -> Bad:
    path = row.path
    for place, meant in _PLACES.items():
        path = path.replace(place, meant)
    body = row.body if isinstance(row.body, bytes) else json.dumps(row.body).encode()
    body = b"" if row.body is None else body
    headers = dict(row.headers)
    if row.token is not None:
        token = TOKEN if row.token == UNIT_TOKEN else row.token
        headers.setdefault("Authorization", f"Bearer {token}")
    if body and row.content_type is not None:
        headers["Content-Type"] = row.content_type
    query = f"?{quote(row.query, safe='=&%$')}" if row.query else ""
    names = row.target if row.status == 400 and row.target else row.says
    status, code, names = _BELOW.get(row.id, (row.status, row.code, names))
    return Bad(
        f"management: {row.id}",
        *("management", row.method, path + query, headers, body),
        *(status, code, names, None if row.id in _BELOW else row.target),
    )


def _readers() -> Iterator[Bad]:
    """Bodies that a reader of the producer refuses, at the path and under the type of each."""
    tables = (
        (EVENTS_PATH, "application/json", "events", EVENTS),
        (EVENTS_PATH, "application/cloudevents+json", "structured", STRUCTURED),
        (EVENTS_PATH, "application/cloudevents-batch+json", "batch", BATCH),
        (
            NOTIFICATIONS_PATH,
            "application/vnd.docker.distribution.events.v1+json",
            "envelopes",
            ENVELOPES,
        ),
    )
    for path, kind, table, rows in tables:
        headers = {"Content-Type": kind, "Authorization": BEARER}
        for name, (body, field, problem) in rows.items():
            yield Bad(
                f"{table}: {name}",
                *("producer", "POST", path, headers, body, 400, "InvalidRequest"),
                f"{field}: " if field else problem,
            )


def _producer() -> Iterator[Bad]:
    for name, (method, path, headers, body, status, code) in REFUSED.items():
        meant = path.replace("/myregistry/", "/Alpha/")
        sent = {**headers, "Authorization": BEARER}
        yield Bad(f"producer: {name}", "producer", method, meant, sent, body, status, code)
    for name, authorization in STRANGERS.items():
        for path in (EVENTS_PATH, NOTIFICATIONS_PATH, "/registries/nobody1/events"):
            sent = {"Authorization": authorization, "Content-Type": "text/plain"}
            given = sent if authorization else {"Content-Type": "text/plain"}
            yield Bad(
                f"producer: {name} at {path}",
                *("producer", "POST", path, given, b"x", 401, "Unauthorized"),
            )


STRANGERS = {
    "no token": "",
    "a bearer of nothing": "Bearer",
    "a token that nobody has": "Bearer wrong-wrong-wrong",
    "basic": "Basic MDEyMzQ1Njc4OWFiY2RlZg==",
    "a token beyond ASCII": "Bearer \udcff",
}


def _unique(rows: Iterable[Bad]) -> list[Bad]:
    found = list(rows)
    assert len({row.id for row in found}) == len(found)
    return found


ROWS = _unique(
    [
        *(_management(row) for row in MANAGEMENT_ROWS if row.token != GUEST_TOKEN),
        *_readers(),
        *_producer(),
    ]
)
