"""Examples for the OpenAPI document: requests, and the API's answers to them."""

from typing import Any

import msgspec

from portcall.management.events.answers import ShownRecord, acr_event
from portcall.management.http.calls import encode
from portcall.management.http.errors import FieldFault, invalid_content
from portcall.management.http.resources import registry_answer, webhook_answer
from portcall.schemas.examples import event
from portcall.schemas.records import Answer, Detail, Outcome, Sent
from portcall.schemas.webhooks import Sku, Status, action_bits
from portcall.store.database.installation import Installation
from portcall.store.webhooks.registries import Registry
from portcall.store.webhooks.row import WebhookRow

_NOW_MS = 1_772_619_630_123
_URI = "https://consumer.example.com/hook"
_TAGS = {"team": "platform"}
_INSTALLATION = Installation(
    tenant="0d9f5a3e-1b2c-4d5e-8f90-a1b2c3d4e5f6",
    subscription="3c1e7b52-4f6a-4c0d-9b1e-5a2f8d7c6b40",
    resource_group="portcall",
    created_ms=_NOW_MS,
)
_REGISTRY = Registry(
    name="myregistry",
    key="myregistry",
    location="westus",
    sku=Sku.STANDARD,
    tags=_TAGS,
    resource_group="portcall",
    login_server="registry.example.com",
    created_ms=_NOW_MS,
)
_WEBHOOK = WebhookRow(
    id=1_843_200_000_000_001,
    registry="myregistry",
    name="deploy",
    location="westus",
    tags=_TAGS,
    uri=_URI,
    authorization="",
    headers={},
    actions=action_bits(["push"]),
    scope="team/app:*",
    status=Status.ENABLED,
    secret="",
    schedule_ms=None,
    status_changed_ms=_NOW_MS,
    created_ms=_NOW_MS,
    revision=1,
)
_EVENT = event()
_SEEN = ShownRecord(
    event_id=_EVENT.id,
    body=bytes(_EVENT.body),
    webhook_id=_WEBHOOK.id,
    attempt=1,
    outcome=Outcome.DELIVERED,
    started_ms=_NOW_MS,
    duration_us=8_310,
    extras=_EVENT.extras,
    detail=Detail(
        sent=Sent(uri=_URI, headers={"Content-Type": "application/json; charset=utf-8"}),
        answer=Answer(status=200, reason="OK", headers={"Content-Length": "2"}, content="ok"),
    ),
)
_PROPERTIES = {
    "serviceUri": _URI,
    "customHeaders": {"X-Team": "platform"},
    "actions": ["push", "delete"],
    "scope": "team/app:*",
    "status": "enabled",
    "portcall": {"secret": "generate", "retrySchedule": ["10s", "1m", "5m"]},
}
_REFUSAL = invalid_content([FieldFault("properties.actions", "at least one action is required")])


def _json(answer: msgspec.Struct) -> Any:  # noqa: ANN401 (JSON)
    return msgspec.json.decode(encode(answer))


EXAMPLES: dict[str, Any] = {
    "RegistryPut": {"location": "westus", "sku": {"name": "Standard"}, "tags": _TAGS},
    "RegistryPatch": {"sku": {"name": "Premium"}},
    "NameCheck": {"name": "myregistry", "type": "Microsoft.ContainerRegistry/registries"},
    "WebhookPut": {"location": "westus", "tags": _TAGS, "properties": _PROPERTIES},
    "WebhookPatch": {"properties": {"status": "disabled"}},
    "Import": {"value": [{"name": "deploy", "properties": _PROPERTIES}]},
    "ReplayBody": {"since": "2026-03-04T10:00:00Z", "outcomes": ["given_up"], "rate": 50},
    "TryNowBody": {"eventId": "1b21f8fe-1f5d-4f2b-9a2e-2a4d0e5b6a01"},
    "Registry": _json(registry_answer(_INSTALLATION, _REGISTRY)),
    "Webhook": _json(webhook_answer(_INSTALLATION, _WEBHOOK)),
    "Event": _json(acr_event(_SEEN)),
    "Error": _json(_REFUSAL.envelope()),
}
"""Examples, by the name of their schema."""
