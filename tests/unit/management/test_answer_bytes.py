"""The bytes of the API's answers, held against those that were recorded.

After a change that is meant: ``python -m tests.unit.management.test_answer_bytes``.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from portcall.management.events.answers import ShownRecord, acr_event
from portcall.management.http.calls import encode
from portcall.management.http.resources import (
    callback_answer,
    exported_answer,
    keys_answer,
    registry_answer,
    webhook_answer,
)
from portcall.management.http.shapes import WebhookList
from portcall.management.replays.answers import replay_answer
from portcall.schemas.records import Answer, Detail, Failure, Outcome, Sent
from portcall.schemas.signatures import private_secret, shared_secret
from portcall.schemas.webhooks import Cause, Sku, Status, action_bits
from portcall.store.database.installation import Installation
from portcall.store.records.replays import Replay, ReplayState
from portcall.store.records.selection import Selection
from portcall.store.webhooks.registries import Registry
from portcall.store.webhooks.row import WebhookRow

RECORDED = Path(__file__).parent / "recorded"
PEM = (RECORDED / "client.pem").read_text()
AT_MS = 1_772_619_630_123
FAR_MS = 4_102_444_800_000
HERE = Installation(
    tenant="0d9f5a3e-1b2c-4d5e-8f90-a1b2c3d4e5f6",
    subscription="3c1e7b52-4f6a-4c0d-9b1e-5a2f8d7c6b40",
    resource_group="portcall",
    created_ms=AT_MS,
)
REGISTRY = Registry(
    name="Alpha",
    key="alpha",
    location="westus",
    sku=Sku.PREMIUM,
    tags={"team": "platform"},
    resource_group="portcall",
    login_server="alpha.example",
    created_ms=AT_MS,
)
BARE = WebhookRow(
    id=1_843_200_000_000_001,
    registry="Alpha",
    name="webhook01",
    location="westus",
    tags={},
    uri="https://consumer.example/hook",
    authorization="",
    headers={},
    actions=action_bits(["push"]),
    scope="",
    status=Status.ENABLED,
    secret="",
    schedule_ms=None,
    status_changed_ms=AT_MS,
    created_ms=AT_MS,
    revision=1,
)
FULL = replace(
    BARE,
    tags={"b": "2", "a": "1"},
    authorization="Basic dTpw",
    credentials="u:p@",
    headers={"X-Token": "sesame", "A": "é"},
    actions=action_bits(["push", "delete", "quarantine"]),
    scope="team/app:*",
    status=Status.DISABLED,
    status_reason='410 "Gone"',
    cause=Cause.GONE,
    secret=private_secret(bytes(range(32)), bytes(range(32, 64))),
    old_secret=private_secret(bytes(range(64, 96)), bytes(range(96, 128))),
    old_secret_until_ms=FAR_MS,
    schedule_ms=(10_000, 60_000),
    max_age_ms=86_400_000,
    disable_after_ms=0,
    probe=False,
    rate_limit=2.5,
    failing_since_ms=AT_MS - 5,
    probed_ms=AT_MS + 5,
    delivered=1,
    failed=2,
    given_up=3,
    cancelled=4,
    ca_bundle=PEM,
    client_certificate=PEM,
    client_key="a key",
)
SHARED = replace(
    BARE, secret=shared_secret(bytes(32)), old_secret=FULL.old_secret, old_secret_until_ms=FAR_MS,
    rate_limit=50.0, max_age_ms=0, schedule_ms=(), probe=True, failing_since_ms=AT_MS,
)  # fmt: skip
SENT = Sent(uri="https://consumer.example/hook", headers={"B": "2", "A": "1"})
SEEN = ShownRecord(
    event_id="826b111c-0000-4000-8000-000000000000",
    body=b'{"id": "826b111c",  "action":"push"}',
    webhook_id=7,
    attempt=2,
    outcome=Outcome.RETRIED,
    started_ms=AT_MS,
    duration_us=12_345,
    detail=Detail(
        sent=SENT,
        answer=Answer(status=503, reason="Busy", headers={"Retry-After": "3"}, content="<é>"),
        failure=Failure.STATUS,
        message="the endpoint answered 503 Busy",
        next_attempt_ms=AT_MS + 10_000,
    ),
)
REPLAY = Replay(
    id=3,
    selection=Selection(registry="alpha"),
    last_record=9,
    rate=50,
    total=5,
    position=0,
    published=2,
    disabled=1,
    state=ReplayState.COMPLETED,
    created_ms=AT_MS,
    changed_ms=AT_MS + 1,
)
NARROW = Selection(
    registry="alpha",
    webhook_id=7,
    event_id="an-event",
    outcomes=(Outcome.GIVEN_UP, Outcome.CANCELLED),
    since_ms=AT_MS,
    until_ms=AT_MS + 1,
)

ANSWERS: dict[str, Callable[[], object]] = {
    "a registry": lambda: registry_answer(HERE, REGISTRY),
    "a webhook with nothing": lambda: webhook_answer(HERE, BARE),
    "a webhook with everything": lambda: webhook_answer(HERE, FULL),
    "a webhook with its secret": lambda: webhook_answer(HERE, SHARED, secret=SHARED.secret),
    "an exported webhook with nothing": lambda: exported_answer(HERE, BARE),
    "an exported webhook with everything": lambda: exported_answer(HERE, FULL),
    "a callback without headers": lambda: callback_answer(BARE),
    "a callback with headers": lambda: callback_answer(FULL),
    "no keys": lambda: keys_answer(BARE),
    "two keys": lambda: keys_answer(FULL),
    "the key before": lambda: keys_answer(SHARED),
    "a page": lambda: WebhookList([webhook_answer(HERE, BARE)], "https://here.example/next"),
    "the last page": lambda: WebhookList([]),
    "a record with everything": lambda: acr_event(SEEN),
    "a record without an answer": lambda: acr_event(
        replace(SEEN, detail=Detail(sent=SENT, failure=Failure.TIMEOUT))
    ),
    "a record without an attempt": lambda: acr_event(
        replace(SEEN, outcome=Outcome.CANCELLED, duration_us=0, detail=Detail())
    ),
    "a replay of a registry": lambda: replay_answer(HERE, "Alpha", REPLAY, {}),
    "a replay of a webhook": lambda: replay_answer(
        HERE,
        "Alpha",
        replace(REPLAY, selection=NARROW, state=ReplayState.RUNNING),
        {7: "webhook01"},
    ),
    "a replay of a deleted webhook": lambda: replay_answer(
        HERE, "Alpha", replace(REPLAY, selection=NARROW), {}
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_has_the_recorded_bytes(name: str) -> None:
    recorded = json.loads((RECORDED / "answers.json").read_text())
    assert encode(ANSWERS[name]()).decode() == recorded[name]


if __name__ == "__main__":
    texts = {name: encode(make()).decode() for name, make in ANSWERS.items()}
    (RECORDED / "answers.json").write_text(json.dumps(texts, indent=1, ensure_ascii=False) + "\n")
