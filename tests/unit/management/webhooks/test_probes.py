"""Webhooks that are disabled by themselves: why, since when, and how they come back."""

import pytest

from portcall.management.webhooks.probes import Prober, ProbeWatch
from portcall.runtime.errors import UnconfirmedError
from portcall.schemas.deliveries import Delivery
from portcall.schemas.frames import decode_deliveries
from portcall.schemas.records import Outcome
from portcall.schemas.webhooks import Cause, Status
from portcall.store.webhooks.health import HOUR_MS
from tests.unit.management.api import ManagementApi
from tests.unit.store.contract.eventlog import append
from tests.unit.store.samples import frame, record

DISABLED_MS = 1_772_619_630_000


async def hook(api: ManagementApi, **extras: object) -> int:
    answer = await api.put_webhook(portcall=extras)
    return int(answer.json["properties"]["portcall"]["id"])


def watch(api: ManagementApi, disable_after_ms: int = 1_000) -> ProbeWatch:
    return ProbeWatch(
        store=api.store,
        announcer=api.publisher,
        prober=Prober(publisher=api.publisher, shards=2),
        disable_after_ms=disable_after_ms,
    )


async def shown(api: ManagementApi) -> dict[str, object]:
    answer = await api.request("GET", api.webhook("webhook01"))
    extras: dict[str, object] = answer.json["properties"]["portcall"]
    return {"status": answer.json["properties"]["status"], **extras}


def probes(api: ManagementApi) -> list[Delivery]:
    frames = [decode_deliveries(each.body) for each in api.publisher.published]
    assert all(each.action == "ping" for found in frames for each in found.events)
    return [each for found in frames for each in found.deliveries]


async def test_a_webhook_that_fails_for_long_says_why_and_since_when(api: ManagementApi) -> None:
    webhook_id = await hook(api)
    row = api.store.webhooks.by_ids([webhook_id])[0]
    changed = api.store.webhooks.get("alpha", row.name)
    assert changed is not None
    from_ms = changed.status_changed_ms
    failed = [
        record(webhook_id, outcome=Outcome.RETRIED, started_ms=from_ms + at)
        for at in (0, 250, 500, 750)
    ]
    append(api.store, frame(failed))
    announced = len(api.publisher.announced)
    await watch(api).look()
    assert (await shown(api))["status"] == "enabled"
    assert "failingSince" in await shown(api)
    append(
        api.store,
        frame([record(webhook_id, outcome=Outcome.GIVEN_UP, started_ms=from_ms + 1_000)]),
    )
    await watch(api).look()
    extras = await shown(api)
    assert (extras["status"], extras["statusCause"]) == ("disabled", "failing")
    assert str(extras["statusReason"]).startswith("every attempt failed since ")
    assert "statusChangedAt" in extras
    assert api.publisher.announced[announced:] == [
        {"v": 1, "revision": api.store.webhooks.revision()}
    ]


@pytest.mark.parametrize("cause", [Cause.GONE, Cause.FAILING])
async def test_a_probe_by_hand_is_a_ping_that_the_deliverer_makes_although_it_is_disabled(
    api: ManagementApi, cause: Cause
) -> None:
    webhook_id = await hook(api)
    api.store.webhooks.disable(webhook_id, "why", DISABLED_MS, cause)
    answer = await api.request("POST", f"{api.webhook('webhook01')}/probe")
    assert (answer.status, list(answer.json)) == (200, ["id"])
    assert probes(api) == [Delivery(0, webhook_id, probe=True)]
    extras = await shown(api)
    assert (extras["status"], extras["statusCause"]) == ("disabled", cause.value)
    assert "probedAt" in extras


@pytest.mark.parametrize(
    ("status", "code"), [("enabled", "WebhookEnabled"), ("disabled", "WebhookDisabled")]
)
async def test_nothing_else_is_probed(api: ManagementApi, status: str, code: str) -> None:
    await api.put_webhook(status=status)
    answer = await api.request("POST", f"{api.webhook('webhook01')}/probe")
    assert (answer.status, answer.error["code"]) == (409, code)
    assert api.publisher.published == []


async def test_a_probe_without_the_broker_is_503(api: ManagementApi) -> None:
    webhook_id = await hook(api)
    api.store.webhooks.disable(webhook_id, "why", DISABLED_MS)
    api.publisher.failure = UnconfirmedError("lost")
    answer = await api.request("POST", f"{api.webhook('webhook01')}/probe")
    assert answer.status == 503
    assert "probedAt" not in await shown(api)


@pytest.mark.parametrize(
    ("cause", "wanted", "count"),
    [
        pytest.param(Cause.FAILING, None, 1, id="after long failure"),
        pytest.param(Cause.GONE, None, 0, id="not after a 410"),
        pytest.param(Cause.GONE, True, 1, id="after a 410, if wanted"),
        pytest.param(Cause.FAILING, False, 0, id="not if not wanted"),
    ],
)
async def test_probes_are_sent_by_themselves_when_they_are_due(
    api: ManagementApi, cause: Cause, *, wanted: bool | None, count: int
) -> None:
    webhook_id = await hook(api, probe=wanted)
    api.store.webhooks.disable(webhook_id, "why", DISABLED_MS - HOUR_MS, cause)
    for _ in range(2):
        await watch(api).look()
    assert probes(api) == [Delivery(0, webhook_id, probe=True)] * count


async def test_a_probe_that_cannot_be_sent_is_sent_another_time(api: ManagementApi) -> None:
    webhook_id = await hook(api)
    api.store.webhooks.disable(webhook_id, "why", DISABLED_MS, Cause.FAILING)
    api.publisher.failure = UnconfirmedError("lost")
    await watch(api).look()
    assert api.publisher.published == []


async def test_the_owners_hand_brings_it_back_and_the_reason_is_gone(api: ManagementApi) -> None:
    webhook_id = await hook(api)
    api.store.webhooks.disable(webhook_id, "why", DISABLED_MS, Cause.FAILING)
    body = {"properties": {"status": "enabled"}}
    answer = await api.request("PATCH", api.webhook("webhook01"), body)
    assert answer.json["properties"]["status"] == "enabled"
    assert not {"statusReason", "statusCause", "statusChangedAt"} & set(await shown(api))
    assert api.store.webhooks.by_ids([webhook_id])[0].status is Status.ENABLED


# -- the settings of one webhook


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"maxAge": "12h"}, {"maxAge": "12h"}),
        ({"maxAge": "none"}, {"maxAge": "none"}),
        ({"disableAfter": "48h"}, {"disableAfter": "2d"}),
        ({"disableAfter": "NONE"}, {"disableAfter": "none"}),
        ({"probe": False}, {"probe": False}),
        ({"traceparent": False}, {"traceparent": False}),
        ({"traceparent": True}, {"traceparent": True}),
        ({"maxAge": None, "disableAfter": None, "probe": None, "traceparent": None}, {}),
    ],
)
async def test_a_webhook_has_limits_of_its_own(
    api: ManagementApi, sent: dict[str, object], told: dict[str, object]
) -> None:
    await hook(api, **sent)
    own = {"maxAge", "disableAfter", "probe", "traceparent"}
    assert {key: value for key, value in (await shown(api)).items() if key in own} == told
    await api.put_webhook()  # as az does, which knows none of them
    assert {key: value for key, value in (await shown(api)).items() if key in own} == told
    nothing = {"properties": {"portcall": dict.fromkeys(own)}}
    await api.request("PATCH", api.webhook("webhook01"), nothing)
    assert not own & set(await shown(api))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("maxAge", "soon"),
        ("maxAge", 5),
        ("maxAge", ""),
        ("disableAfter", "0s"),
        ("probe", "yes"),
        ("traceparent", "no"),
    ],
)
async def test_a_limit_that_is_none_is_named(api: ManagementApi, field: str, value: object) -> None:
    await hook(api)
    body = {"properties": {"portcall": {field: value}}}
    answer = await api.request("PATCH", api.webhook("webhook01"), body)
    assert (answer.status, answer.error["target"]) == (400, f"properties.portcall.{field}")
