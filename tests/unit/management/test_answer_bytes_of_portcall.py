"""The same for the answers that ACR does not have, and for what stands above registries."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from portcall.management.audit.look import Look
from portcall.management.audit.routes import document as audit_answer
from portcall.management.explain.explanation import (
    Explained,
    Explanation,
    Life,
    RecordedAttempt,
    Whereabouts,
)
from portcall.management.explain.reasons import DELETED
from portcall.management.explain.routes import explanation_answer, tried_answer
from portcall.management.explain.scope_tests import Tried
from portcall.management.http.calls import encode
from portcall.management.http.errors import FieldFault, invalid_content, too_many_failures
from portcall.management.http.locations import REGIONS
from portcall.management.letters.answers import letter_answer, purged_answer, resent_answer
from portcall.management.letters.contents import Contents, LetterItem, LetterKind
from portcall.management.letters.counting import Counts
from portcall.management.letters.fates import Fate
from portcall.management.letters.scan import OpenedLetter, Scan
from portcall.management.login.authority import adfs_configuration, cloud, directory_configuration
from portcall.management.login.oauth import invalid_client
from portcall.management.login.tokens import document as token_answer
from portcall.management.overview.pulse import Lag, Rates, Rung, Sick, Snapshot
from portcall.management.overview.routes import now_answer, series_answer, webhook_overview
from portcall.management.registries.answers import (
    group_answer,
    location_answer,
    resource_answer,
    subscription_answer,
    tenant_answer,
)
from portcall.management.registries.provider import operation_answer, provider_answer
from portcall.management.registries.usages import usages_answer
from portcall.runtime.broker.letters import Letter
from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import Event
from portcall.schemas.extras import Extras
from portcall.schemas.operator import OPERATOR_ID
from portcall.schemas.records import Detail, Outcome
from portcall.schemas.scopes import parse_scope
from portcall.schemas.webhooks import Cause, Status
from portcall.store.access.principals import PrincipalRow, Role
from portcall.store.intake.ignored import IgnoredEvent
from portcall.store.journal.accounts import Account, Accounts, Doubt, Suspect
from portcall.store.records.event_log import StoredRecord
from portcall.store.traffic.traffic import Bucket, LastAttempt, Series, Sums, WebhookTraffic
from portcall.store.webhooks.subscribers import Subscriber
from portcall.store.webhooks.summaries import KnownWebhook
from tests.unit.management.test_answer_bytes import AT_MS, HERE, RECORDED, REGISTRY

ORIGIN = "https://portcall.example:8443"
KNOWN = KnownWebhook(7, "Alpha", "webhook01", Status.DISABLED, Cause.GONE, "410", AT_MS, 3)
EVENT = Event("e-1", "alpha", "push", AT_MS, msgspec.Raw(b"{}"), "team/app", "v1")
PIECES = (
    LetterItem(EVENT, Delivery(0, 7, attempt=3)),
    LetterItem(EVENT, Delivery(0, 8)),
    LetterItem(EVENT, Delivery(0, OPERATOR_ID)),
    LetterItem(EVENT),
)
LETTER = OpenedLetter(
    Letter(
        b'{"a":\xff}',
        "portcall.dead",
        "portcall.deliver",
        "shard.0",
        {"x-first-death-queue": "portcall.deliver.0", "x-death": 1, "b": b"\xffz"},
    ),
    Contents(LetterKind.DELIVERIES, PIECES),
)
EXTRAS = Extras(
    kind="harbor",
    source="main",
    source_id="3c0e",
    actor="ci",
    artifact_type="image",
    platforms=("linux/arm64",),
    backfilled=True,
)
TOLD_LETTER = OpenedLetter(
    LETTER.letter,
    Contents(LetterKind.EVENTS, (LetterItem(msgspec.structs.replace(EVENT, extras=EXTRAS)),)),
)
UNREADABLE = OpenedLetter(LETTER.letter, Contents(LetterKind.UNREADABLE, problem="not a frame"))
SCAN = Scan(
    waiting=9,
    looked_at=8,
    removed=2,
    counts={Fate.SENT: 1, Fate.DELIVERED: 2, Fate.PENDING: 3, Fate.DISABLED: 4, Fate.DELETED: 5},
)
RECORD = StoredRecord(
    id=1,
    event_id="e-1",
    registry="alpha",
    action="push",
    repository="team/app",
    tag="v1",
    accepted_ms=AT_MS,
    body=b"{}",
    webhook_id=7,
    attempt=1,
    outcome=Outcome.RETRIED,
    status=503,
    started_ms=AT_MS,
    duration_us=1_234_567,
    detail=Detail(),
)
LIFE = Life(
    7,
    "e-1",
    "msg_1",
    Whereabouts.WAITING,
    "10s",
    AT_MS + 9,
    (RecordedAttempt(RECORD, "it answered 503"),),
)
EXPLANATION = Explanation(
    event_id="e-1",
    registry="alpha",
    action="push",
    repository="team/app",
    tag="v1",
    accepted_ms=AT_MS,
    is_routed=True,
    webhooks=(
        Explained(7, "webhook01", (), LIFE),
        Explained(8, "", (DELETED,), Life(8, "e-1", "msg_2", Whereabouts.NONE)),
    ),
)
IGNORED = IgnoredEvent("e-2", "alpha", AT_MS, "bad", "push", "r", "t", "target.tag", "is no tag")
ACCOUNT = Account(
    "alpha", 3, 5, 1, 1, 0, 1, 0, 1,
    Counter({Doubt.NOT_ROUTED: 0, Doubt.NOT_RETRIED: 1}), Counter({Doubt.NEVER_ROUTED: 2}),
)  # fmt: skip
LOOK = Look(
    at_ms=AT_MS,
    accounts=Accounts(
        AT_MS - 1,
        (ACCOUNT,),
        (
            Suspect(Doubt.NOT_RETRIED, "alpha", "e-1", "d1", AT_MS, 7, AT_MS + 1),
            Suspect(Doubt.NOT_ROUTED, "alpha", "e-2", "d2", AT_MS),
        ),
    ),
    queued=dict.fromkeys(Doubt, 5),
    dead=1,
    reasons={("d1", 7): "given up"},
)
SUMS = Sums(attempts=3, succeeded=2, given_up=1, cancelled=1, events=2)
SERIES = Series(30, (Bucket(AT_MS, SUMS), Bucket(AT_MS + 30_000, Sums())))
SNAPSHOT = Snapshot(
    at_ms=AT_MS,
    events_in=1,
    deliver=2,
    retry=3,
    rungs=(Rung(2_000, 4), Rung(10_000, 0)),
    dead=5,
    unrouted=6,
    sick=(Sick(7, AT_MS), Sick(8, AT_MS)),
    lag=Lag(3, 1.5),
    rates=Rates(1.005, 2.0, 0.5, 1.26, 2.0, None),
)
SUBSCRIBER = Subscriber(7, "webhook01", Status.ENABLED, "", 1, parse_scope("team/app:*"))
LAST = LastAttempt(1, AT_MS, Outcome.DELIVERED, 200, 1)
PRINCIPAL = PrincipalRow("c-1", "robot", Role.PUBLISHER, "alpha", b"", AT_MS, None, AT_MS, None)


def counts() -> object:
    counted = Counts()
    for each in (LETTER, LETTER, UNREADABLE):
        counted.add(each)
    return counted.answer({7: KNOWN})


ANSWERS: dict[str, Callable[[], object]] = {
    "a tenant": lambda: tenant_answer(HERE),
    "a subscription": lambda: subscription_answer(HERE),
    "the first location": lambda: location_answer(HERE, REGIONS[0]),
    "a group": lambda: group_answer(HERE),
    "a resource": lambda: resource_answer(HERE, REGISTRY, ()),
    "an expanded resource": lambda: resource_answer(
        HERE, REGISTRY, ("provisioningstate", "createdtime")
    ),
    "usages": lambda: usages_answer(REGISTRY, 3),
    "the provider": lambda: provider_answer("/subscriptions/x"),
    "an operation": lambda: operation_answer("registries/webhooks/ping/action", "Send a ping."),
    "a refusal": lambda: invalid_content([FieldFault("a", "is b")]).envelope(),
    "a refusal of two fields": lambda: invalid_content(
        [FieldFault("a", "is b"), FieldFault("c", "is d", "Code")]
    ).envelope(),
    "a refusal without a target": lambda: too_many_failures().envelope(),
    "a letter": lambda: letter_answer(LETTER, {7: KNOWN}),
    "a letter with its body": lambda: letter_answer(LETTER, {}, with_body=True),
    "an unreadable letter": lambda: letter_answer(UNREADABLE, {}, with_body=True),
    "a letter whose event has extras": lambda: letter_answer(TOLD_LETTER, {}),
    "an explanation with extras": lambda: explanation_answer(
        replace(EXPLANATION, webhooks=(), extras=EXTRAS, tags=("v1",))
    ),
    "counts": counts,
    "resent": lambda: resent_answer(SCAN),
    "purged": lambda: purged_answer(SCAN),
    "an explanation": lambda: explanation_answer(EXPLANATION),
    "an explanation of what was ignored": lambda: explanation_answer(
        replace(EXPLANATION, webhooks=(), is_routed=False, ignored=IGNORED)
    ),
    "a scope that was tried": lambda: tried_answer(
        [
            Tried("e-1", "push", "team/app", "v1", AT_MS, ()),
            Tried("e-2", "push", "team/app", "", AT_MS, (DELETED,)),
        ]
    ),
    "an audit": lambda: audit_answer(LOOK),
    "now": lambda: now_answer(SNAPSHOT, {7: KNOWN}),
    "now with a problem": lambda: now_answer(Snapshot(at_ms=AT_MS, problem="away"), {}),
    "a series": lambda: series_answer(SERIES),
    "a webhook's overview": lambda: webhook_overview(SUBSCRIBER, WebhookTraffic(7, SERIES, LAST)),
    "a quiet webhook's overview": lambda: webhook_overview(
        SUBSCRIBER, WebhookTraffic(7, Series(30, ()), None)
    ),
    "the cloud": lambda: cloud(ORIGIN),
    "AD FS": lambda: adfs_configuration(ORIGIN),
    "a directory": lambda: directory_configuration(ORIGIN, HERE.tenant),
    "a refused login": lambda: invalid_client().document(),
    "a publisher": lambda: token_answer(PRINCIPAL, AT_MS),
    "a revoked reader": lambda: token_answer(
        replace(PRINCIPAL, role=Role.READER, registry="", revoked_ms=AT_MS, expires_ms=AT_MS), AT_MS
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_has_the_recorded_bytes(name: str) -> None:
    recorded = json.loads((RECORDED / "portcall.json").read_text())
    assert encode(ANSWERS[name]()).decode() == recorded[name]


if __name__ == "__main__":
    texts = {name: encode(make()).decode() for name, make in ANSWERS.items()}
    (RECORDED / "portcall.json").write_text(json.dumps(texts, indent=1, ensure_ascii=False) + "\n")
