"""A management API without a network: scripted answers, and what was asked."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from portcall.cli.client import API_VERSION
from portcall.cli.server import Server
from portcall.cli.transport import Reply

SUBSCRIPTION = "0a1b2c3d-0000-4000-8000-000000000000"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/portcall"
REGISTRIES = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries"
REG = f"{REGISTRIES}/myregistry"
HOOK = f"{REG}/webhooks/ci01hook"
EVERY_REGISTRY = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ContainerRegistry/registries"
URL = "http://127.0.0.1:8400"
ADMINISTRATOR = "token-of-the-administrator"

SERVER = Server(
    management_url=URL,
    producer_url="http://127.0.0.1:8401",
    token=ADMINISTRATOR,
    subscription=SUBSCRIPTION,
)
REGISTRY = {
    "type": "Microsoft.ContainerRegistry/registries",
    "id": REG,
    "name": "myregistry",
    "location": "westus",
    "tags": {},
    "sku": {"name": "Premium", "tier": "Premium"},
    "properties": {
        "loginServer": "myregistry.azurecr.io",
        "creationDate": "2026-11-22T07:34:45.1421856Z",
        "provisioningState": "Succeeded",
        "adminUserEnabled": False,
    },
}
WEBHOOK = {
    "type": "Microsoft.ContainerRegistry/registries/webhooks",
    "id": HOOK,
    "name": "ci01hook",
    "location": "westus",
    "tags": {},
    "properties": {
        "status": "enabled",
        "scope": "",
        "actions": ["push", "delete"],
        "provisioningState": "Succeeded",
        "portcall": {"id": "42", "hasSecret": False, "createdAt": "2026-11-22T07:35:00.0000000Z"},
    },
}


@dataclass
class Asked:
    """One request that a command made."""

    method: str
    path: str
    query: dict[str, str]
    body: Any


@dataclass
class FakeApi:
    """Answers each (method, path) with the next of its scripted answers, the last one for ever."""

    answers: dict[tuple[str, str], list[tuple[int, Any]]] = field(default_factory=dict)
    streams: list[list[bytes] | Exception | Reply] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    errors: dict[tuple[str, str], Exception] = field(default_factory=dict)

    def on(self, method: str, path: str, document: object = None, status: int = 200) -> None:
        """Script the next answer to a request."""
        self.answers.setdefault((method, path), []).append((status, document))

    def request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        content_type: str = "application/json",
    ) -> Reply:
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        assert query.pop("api-version") == API_VERSION
        assert content_type == "application/json"
        sent = json.loads(body) if body else None
        self.asked.append(Asked(method, parts.path, query, sent))
        if error := self.errors.get((method, parts.path)):
            raise error
        nothing: list[tuple[int, Any]] = (
            [(200, {"value": []})] if parts.path == EVERY_REGISTRY else []
        )
        scripted = self.answers.get((method, parts.path), nothing)
        if not scripted:
            return reply(404, arm_error("ResourceNotFound", "The resource was not found."))
        status, document = scripted.pop(0) if len(scripted) > 1 else scripted[0]
        return reply(status, document)

    def lines(self, target: str, accept: str) -> Iterator[Reply | bytes]:
        assert accept == "text/event-stream"
        self.asked.append(Asked("GET", urlsplit(target).path, {}, None))
        stream = self.streams.pop(0)
        if isinstance(stream, Exception):
            raise stream
        if isinstance(stream, Reply):
            yield stream
            return
        yield from stream

    @property
    def changes(self) -> list[Asked]:
        """What was asked, but for the reading of registries."""
        return [each for each in self.asked if each.method != "GET"]


def reply(status: int, document: object = None) -> Reply:
    body = b"" if document is None else json.dumps(document).encode()
    return Reply(status, body, {"content-type": "application/json"})


def arm_error(code: str, message: str, **more: object) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


def record(
    number: int = 1, *, action: str = "push", tag: str = "v1", status: str = "200"
) -> dict[str, Any]:
    """A record as listEvents gives it; an empty status: there was no answer."""
    event_id = f"0b6f3a52-6a2e-4a56-9d0f-{number:012d}"
    content: dict[str, Any] = {
        "id": event_id, "timestamp": "2026-11-22T10:20:30.1234567Z", "action": action,
    }  # fmt: skip
    if action != "ping":
        content["target"] = {"repository": "team/app", "tag": tag}
    answer = {"content": "nobody listens there"}
    end = {"outcome": "retried", "failure": "connection_refused"}
    if status:
        answer = {"content": "", "statusCode": status, "reasonPhrase": "OK", "version": "1.1"}
        end = {"outcome": "delivered"}
    return {
        "id": event_id,
        "eventRequestMessage": {"content": content, "method": "POST"},
        "eventResponseMessage": answer,
        "portcall": {"attempt": 1, **end},
    }
