"""How webhooks sign: what is asked for, what is told, and what a rotation leaves."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.management.http.fields import GENERATE
from portcall.management.webhooks.signing import SigningWanted, new_secret, wanted_secret
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.signatures import Scheme, public_key, scheme_of, shared_secret
from tests.unit.management.api import DAY_MS, Answer, Json, ManagementApi

OWN = shared_secret(b"k" * 32)
OTHER = shared_secret(b"o" * 32)
PRIVATE = (
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
)
"""Svix's example."""
HOOK = "webhook01"


def extras(answer: Answer) -> Json:
    assert answer.status == 200, answer.text
    return answer.json["properties"]["portcall"]


def kept(api: ManagementApi) -> Any:  # noqa: ANN401 (a row that is there)
    row = api.store.webhooks.get("alpha", HOOK)
    assert row is not None
    return row


async def patch(api: ManagementApi, **portcall: object) -> Answer:
    return await api.request("PATCH", api.webhook(HOOK), {"properties": {"portcall": portcall}})


async def rotate(api: ManagementApi, body: object = None) -> Answer:
    return await api.request("POST", f"{api.webhook(HOOK)}/rotateSecret", body)


@pytest.mark.parametrize(
    ("before", "sent", "signs", "shown"),
    [
        ("", {}, "none", False),
        ("", {"signature": "v1"}, "v1", True),
        ("", {"signature": "V1A"}, "v1a", False),
        ("", {"signature": "none"}, "none", False),
        ("", {"signature": None}, "none", False),
        ("", {"secret": OWN}, "v1", True),
        ("", {"secret": OWN, "signature": "v1"}, "v1", True),
        ("", {"secret": "generate", "signature": "v1a"}, "v1a", False),
        (OTHER, {"secret": "generate"}, "v1", True),
        (OTHER, {"signature": "v1"}, "v1", False),
        (OTHER, {"signature": "v1a"}, "v1a", False),
        (OTHER, {"signature": "none"}, "none", False),
        (OTHER, {"signature": None}, "none", False),
        (OTHER, {"secret": ""}, "none", False),
        (OTHER, {"secret": "", "signature": "none"}, "none", False),
        (PRIVATE, {"secret": "generate"}, "v1a", False),
        (PRIVATE, {"signature": "v1"}, "v1", True),
        (PRIVATE, {"signature": "v1a", "publicKey": "whpk_x", "hasSecret": True}, "v1a", False),
        (PRIVATE, {"probe": True}, "v1a", False),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_webhook_signs_as_it_is_told(
    api: ManagementApi, method: str, before: str, sent: dict[str, Json], signs: str, *, shown: bool
) -> None:
    await api.put_webhook()
    api.store.webhooks.patch("alpha", HOOK, secret=before)
    body: Json = {"properties": {"portcall": sent}}
    if method == "PUT":
        body["properties"] |= {"serviceUri": "http://example.com", "actions": ["push"]}
        body |= {"location": "westus"}
    told = extras(await api.request(method, api.webhook(HOOK), body))
    row = kept(api)
    assert told["signature"] == signs == scheme_of(row.secret)
    assert told["hasSecret"] is (signs != "none")
    assert told.get("secret") == (row.secret if shown else None)
    assert told.get("publicKey") == (public_key(row.secret) or None)
    stays = signs == scheme_of(before) and not sent.get("secret")
    assert (row.secret == before) is stays
    again = extras(await api.request("GET", api.webhook(HOOK)))
    assert "secret" not in again and "whsk_" not in str(again)


@pytest.mark.parametrize(
    ("sent", "field", "says"),
    [
        ({"signature": "v2"}, "signature", "allowed are none, v1, v1a"),
        ({"signature": 1}, "signature", "none, v1, v1a"),
        ({"signature": "none", "secret": OWN}, "secret", "no use"),
        ({"signature": "none", "secret": "generate"}, "secret", "no use"),
        ({"signature": "v1", "secret": ""}, "secret", "must not be empty"),
        ({"signature": "v1a", "secret": None}, "secret", "must not be empty"),
        ({"signature": "v1a", "secret": OWN}, "secret", "is made here"),
        ({"secret": PRIVATE}, "secret", "Portcall makes v1a keys itself"),
        ({"secret": public_key(PRIVATE)}, "secret", "Portcall makes v1a keys itself"),
        ({"signature": "v1", "secret": PRIVATE}, "secret", "Portcall makes v1a keys itself"),
    ],
    ids=lambda value: "" if isinstance(value, str) else "-".join(value),
)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "import"])
async def test_what_does_not_go_together_is_refused_by_its_field(
    api: ManagementApi, method: str, sent: dict[str, Json], field: str, says: str
) -> None:
    await api.put_webhook(portcall={"secret": OTHER})
    properties = {"serviceUri": "http://x.io", "actions": ["push"], "portcall": sent}
    path, verb, where = api.webhook(HOOK), method, f"properties.portcall.{field}"
    body: Json = {"location": "westus", "properties": properties}
    if method == "import":
        path, verb = f"{api.registry()}/importWebhooks", "POST"
        body, where = {"value": [{"name": HOOK, "properties": properties}]}, f"value[0].{where}"
    answer = await api.request(verb, path, body)
    assert (answer.status, answer.error["target"]) == (400, where), answer.text
    assert says in answer.error["message"]
    assert "k" * 32 not in answer.text and PRIVATE not in answer.text
    assert kept(api).secret == OTHER


async def test_a_rotation_tells_the_new_secret_once_and_both_sign_for_a_day(
    api: ManagementApi,
) -> None:
    await api.put_webhook(portcall={"secret": OWN})
    before_ms = kept(api).status_changed_ms
    told = extras(await rotate(api))
    row = kept(api)
    assert told["secret"] == row.secret != OWN
    assert len(base64.b64decode(row.secret.removeprefix("whsec_"))) == 32
    assert row.old_secret == OWN
    assert abs(row.old_secret_until_ms - before_ms - DAY_MS) < 60_000
    assert told["previousSignature"] == "v1" and "previousUntil" in told
    assert api.publisher.announced[-1]["revision"] == row.revision
    again = extras(await api.request("GET", api.webhook(HOOK)))
    assert "secret" not in again and again["previousUntil"] == told["previousUntil"]
    webhook = row.webhook()
    assert (webhook.secret, webhook.old_secret) == (row.secret, OWN)


@pytest.mark.parametrize(
    ("body", "overlap_ms"),
    [
        ({}, DAY_MS),
        ({"overlap": None}, DAY_MS),
        ({"overlap": "1h"}, 3_600_000),
        ({"overlap": "30d"}, 30 * DAY_MS),
        ({"overlap": "none"}, 0),
    ],
    ids=str,
)
async def test_the_overlap_is_as_asked_for(
    api: ManagementApi, body: dict[str, Json], overlap_ms: int
) -> None:
    await api.put_webhook(portcall={"signature": "v1a"})
    before = kept(api)
    told = extras(await rotate(api, body))
    row = kept(api)
    assert "secret" not in told
    assert told["publicKey"] == public_key(row.secret) != public_key(before.secret)
    listed = await api.request("GET", f"{api.webhook(HOOK)}/publicKeys")
    keys = [each["key"] for each in listed.json["value"]]
    if overlap_ms:
        assert abs(row.old_secret_until_ms - before.status_changed_ms - overlap_ms) < 60_000
        assert told["previousPublicKey"] == public_key(before.secret)
        assert keys == [public_key(row.secret), public_key(before.secret)]
    else:
        assert (row.old_secret, row.old_secret_until_ms) == ("", 0)
        assert "previousUntil" not in told and keys == [public_key(row.secret)]


async def test_a_second_rotation_ends_the_first_secret_at_once(api: ManagementApi) -> None:
    await api.put_webhook(portcall={"secret": OWN})
    second = extras(await rotate(api))["secret"]
    third = extras(await rotate(api, {"secret": OTHER}))["secret"]
    row = kept(api)
    assert (third, row.secret, row.old_secret) == (OTHER, OTHER, second)


async def test_one_scheme_can_follow_the_other(api: ManagementApi) -> None:
    await api.put_webhook(portcall={"secret": OWN})
    told = extras(await rotate(api, {"signature": "v1a"}))
    assert (told["signature"], told["previousSignature"]) == ("v1a", "v1")
    told = extras(await rotate(api, {"signature": "v1"}))
    assert (told["signature"], told["previousSignature"]) == ("v1", "v1a")
    assert told["secret"].startswith("whsec_")


@pytest.mark.parametrize(
    "change", [{"secret": OTHER}, {"signature": "none"}, {"secret": "generate"}]
)
async def test_a_secret_that_is_set_ends_the_one_before_at_once(
    api: ManagementApi, change: dict[str, Json]
) -> None:
    await api.put_webhook(portcall={"secret": OWN})
    await rotate(api)
    assert kept(api).old_secret == OWN
    await patch(api, **change)
    assert (kept(api).old_secret, kept(api).old_secret_until_ms) == ("", 0)


async def test_other_changes_leave_a_rotation_alone(api: ManagementApi) -> None:
    await api.put_webhook(portcall={"secret": OWN})
    await rotate(api)
    await patch(api, maxAge="1h")
    await api.put_webhook(serviceUri="http://other.example/")
    assert kept(api).old_secret == OWN


async def test_a_secret_that_has_ended_is_forgotten_with_the_next_change(
    api: ManagementApi,
) -> None:
    await api.put_webhook(portcall={"secret": OWN})
    api.store.webhooks.rotate("alpha", HOOK, make=lambda _: OTHER, overlap_ms=1)
    shown = extras(await patch(api, maxAge="1h"))
    assert "previousUntil" not in shown and kept(api).old_secret == ""


@pytest.mark.parametrize(
    ("body", "status", "target"),
    [
        ({"overlap": "31d"}, 400, "overlap"),
        ({"overlap": "soon"}, 400, "overlap"),
        ({"overlap": 5}, 400, "overlap"),
        ({"signature": "none"}, 400, "signature"),
        ({"signature": "v3"}, 400, "signature"),
        ({"secret": ""}, 400, "secret"),
        ({"secret": None}, 400, "secret"),
        ({"secret": OWN}, 400, "secret"),
        ({"secret": "whsec_x"}, 400, "secret"),
        ({"secret": OTHER, "signature": "v1a"}, 400, "secret"),
        ({"secrets": OTHER}, 400, "secrets"),
        ([], 400, "body"),
        (b"{", 400, "body"),
    ],
    ids=str,
)
async def test_a_bad_rotation_is_refused_by_its_field_and_changes_nothing(
    api: ManagementApi, body: object, status: int, target: str
) -> None:
    await api.put_webhook(portcall={"secret": OWN})
    answer = await rotate(api, body)
    assert (answer.status, answer.error["target"]) == (status, target), answer.text
    assert (kept(api).secret, kept(api).old_secret) == (OWN, "")


async def test_what_does_not_sign_has_nothing_to_rotate_until_it_is_told_how(
    api: ManagementApi,
) -> None:
    await api.put_webhook()
    answer = await rotate(api)
    assert (answer.status, answer.error["code"]) == (409, "WebhookUnsigned")
    told = extras(await rotate(api, {"signature": "v1"}))
    assert told["secret"] == kept(api).secret and "previousUntil" not in told


async def test_what_is_not_there_is_not_rotated(api: ManagementApi) -> None:
    assert (await rotate(api)).status == 404
    assert (await api.request("GET", f"{api.webhook(HOOK)}/publicKeys")).status == 404


async def test_a_webhook_without_a_public_key_lists_none(api: ManagementApi) -> None:
    await api.put_webhook(portcall={"secret": OWN})
    answer = await api.request("GET", f"{api.webhook(HOOK)}/publicKeys")
    assert answer.json == {"value": []}


@given(
    st.sampled_from([None, "", GENERATE, OWN]),
    st.sampled_from([None, *Scheme]),
    st.sampled_from(["", OTHER, PRIVATE]),
)
def test_whatever_is_asked_for_the_secret_is_one_of_the_signature(
    secret: str | None, scheme: Scheme | None, before: str
) -> None:
    try:
        made = wanted_secret(SigningWanted(secret, scheme), before, new_secret)
    except InvalidValueError:
        assert secret is not None and scheme is not None
        return
    if scheme is not None:
        assert scheme_of(before if made is None else made) is scheme
