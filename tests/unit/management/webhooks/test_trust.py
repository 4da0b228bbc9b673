"""Authorities and client certificates of webhooks over the API: set, renewed, removed, not shown."""

from typing import Any

import pytest

from tests.authorities import Identity, authority, unreadable
from tests.unit.management.api import VERSION, Answer, Json, ManagementApi

CA = authority()
CLIENT = CA.issue("portcall")
RENEWED = CA.issue("portcall", key=CLIENT.key)
OTHER = CA.issue("other")
OLD = CA.issue("old", days=-2)
UNREADABLE = unreadable(CA)
HOOK = "webhook01"
KEY_LINES = [line for line in CLIENT.key_pem.splitlines() if not line.startswith("-")]


def pair(identity: Identity = CLIENT) -> Json:
    return {"clientCertificate": identity.pem, "clientKey": identity.key_pem}


def kept(api: ManagementApi) -> Any:  # noqa: ANN401 (a row that is there)
    row = api.store.webhooks.get("alpha", HOOK)
    assert row is not None
    return row


def shown(answer: Answer) -> Json:
    assert answer.status == 200, answer.text
    assert not any(line in answer.text for line in KEY_LINES)
    assert "PRIVATE KEY" not in answer.text
    return answer.json["properties"]["portcall"]


async def put(api: ManagementApi, **portcall: object) -> Answer:
    properties = {"serviceUri": "https://a.example/hook", "actions": ["push"]}
    body = {"location": "westus", "properties": properties | {"portcall": portcall}}
    return await api.request("PUT", api.webhook(HOOK), body)


async def patch(api: ManagementApi, **portcall: object) -> Answer:
    return await api.request("PATCH", api.webhook(HOOK), {"properties": {"portcall": portcall}})


@pytest.mark.parametrize("text", UNREADABLE, ids=["x400", "edi", "version", "twice"])
async def test_certificates_that_cannot_be_read_are_refused_with_their_field(
    api: ManagementApi, text: str
) -> None:
    for extras in ({"caBundle": text}, pair() | {"clientCertificate": text}):
        answer = await put(api, **extras)
        assert answer.status == 400
        named = "caBundle" if "caBundle" in extras else "clientCertificate"
        assert f"properties.portcall.{named}: has a certificate that cannot be read" in answer.text


async def test_they_are_kept_and_told_of_but_not_shown(api: ManagementApi) -> None:
    extras = shown(await put(api, caBundle=CA.pem * 2, **pair()))
    assert extras["caCertificates"] == 1
    assert extras["clientCertificateSubject"] == "CN=portcall"
    expires = CLIENT.certificate.not_valid_after_utc
    assert extras["clientCertificateExpiresAt"].startswith(f"{expires:%Y-%m-%dT%H:%M:%S}")
    row = kept(api)
    assert (row.ca_bundle, row.client_certificate, row.client_key) == (
        CA.pem, CLIENT.pem, CLIENT.key_pem,
    )  # fmt: skip
    for url in (api.webhook(HOOK), api.webhook("")[:-1]):
        told = (await api.request("GET", url)).text
        assert "BEGIN" not in told
    told = (await api.request("POST", f"{api.webhook(HOOK)}/getCallbackConfig")).text
    assert "BEGIN" not in told


async def test_a_put_without_them_keeps_them_as_az_sends_it(api: ManagementApi) -> None:
    await put(api, caBundle=CA.pem, **pair())
    properties = {"serviceUri": "https://b.example/hook", "actions": ["push"]}
    body = {"location": "westus", "properties": properties}
    assert (await api.request("PUT", api.webhook(HOOK), body)).status == 200
    assert kept(api).trust is not None
    assert kept(api).client_key == CLIENT.key_pem


@pytest.mark.parametrize(
    ("sent", "ca", "client"),
    [
        ({}, CA, CLIENT),
        ({"probe": True}, CA, CLIENT),
        ({"caBundle": None}, None, CLIENT),
        ({"caBundle": ""}, None, CLIENT),
        ({"caBundle": OTHER.pem}, OTHER, CLIENT),
        ({"clientCertificate": None}, CA, None),
        ({"clientCertificate": ""}, CA, None),
        ({"clientKey": None}, CA, None),
        ({"clientCertificate": None, "clientKey": None}, CA, None),
        ({"clientCertificate": None, "clientKey": None, "caBundle": None}, None, None),
        (pair(OTHER), CA, OTHER),
        ({"clientCertificate": RENEWED.pem}, CA, RENEWED),
        ({"clientKey": CLIENT.key_pem}, CA, CLIENT),
        (
            {"caCertificates": 1, "clientCertificateSubject": "x", "clientCertificateExpiresAt": 1},
            CA,
            CLIENT,
        ),
    ],
    ids=[
        "nothing", "another-field", "ca-null", "ca-empty", "ca", "certificate-null",
        "certificate-empty", "key-null", "both-null", "all-null", "both", "renewed", "same-key",
        "read-only",
    ],
)  # fmt: skip
async def test_what_a_patch_changes(
    api: ManagementApi, sent: Json, ca: Identity | None, client: Identity | None
) -> None:
    await put(api, caBundle=CA.pem, **pair())
    extras = shown(await patch(api, **sent))
    row = kept(api)
    assert row.ca_bundle == (ca.pem if ca else "")
    assert row.client_certificate == (client.pem if client else "")
    assert row.client_key == (client.key_pem if client else "")
    assert ("caCertificates" in extras) is (ca is not None)
    assert ("clientCertificateSubject" in extras) is (client is not None)


@pytest.mark.parametrize("before", [False, True], ids=["none", "kept"])
@pytest.mark.parametrize(
    ("sent", "field", "words"),
    [
        ({"caBundle": "hello"}, "caBundle", "has no certificate in PEM"),
        ({"caBundle": 7}, "caBundle", "must be a string"),
        ({"caBundle": CA.pem + CA.key_pem}, "caBundle", "has a private key in it"),
        ({"clientCertificate": OTHER.pem, "clientKey": CLIENT.key_pem}, "clientCertificate",
         "does not belong to the private key"),
        ({"clientCertificate": OTHER.pem, "clientKey": None}, "clientKey", "is required with"),
        ({"clientCertificate": None, "clientKey": CLIENT.key_pem}, "clientCertificate",
         "is required with"),
        (pair(OLD), "clientCertificate", "expired on"),
        ({"clientCertificate": CLIENT.pem + CLIENT.key_pem}, "clientCertificate",
         "has a private key in it"),
        ({"clientCertificate": CLIENT.pem, "clientKey": "x"}, "clientKey", "must be one private"),
        ({"clientCertificate": CLIENT.pem, "clientKey": ["x"]}, "clientKey", "must be a string"),
    ],
    ids=range(10),
)  # fmt: skip
async def test_what_cannot_be_used_is_refused_and_changes_nothing(
    api: ManagementApi, sent: Json, field: str, words: str, *, before: bool
) -> None:
    await put(api, **(pair() if before else {}))
    answer = await patch(api, **sent)
    assert answer.status == 400, answer.text
    error = answer.json["error"]
    told = (error.get("details") or [error])[0]
    assert told["target"] == f"properties.portcall.{field}"
    assert words in told["message"]
    assert not any(line in answer.text for line in KEY_LINES)
    assert kept(api).client_key == (CLIENT.key_pem if before else "")


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"clientCertificate": CLIENT.pem}, "clientKey"),
        ({"clientKey": CLIENT.key_pem}, "clientCertificate"),
    ],
    ids=["certificate", "key"],
)
async def test_one_without_the_other_is_refused(api: ManagementApi, sent: Json, field: str) -> None:
    answer = await put(api, **sent)
    assert answer.status == 400
    assert answer.json["error"]["target"] == f"properties.portcall.{field}"
    assert "is required with" in answer.json["error"]["message"]


async def test_an_export_has_the_authorities_and_can_be_imported(api: ManagementApi) -> None:
    await put(api, caBundle=CA.pem, **pair())
    listed = await api.request(
        "GET", api.webhook("")[:-1], query=f"{VERSION}&$expand=callbackConfig"
    )
    (item,) = listed.json["value"]
    extras = item["properties"]["portcall"]
    assert extras["caBundle"] == CA.pem
    assert "clientCertificate" not in extras
    assert not any(line in listed.text for line in KEY_LINES)
    registry = api.webhook("").partition("/webhooks")[0]
    item = {key: item[key] for key in ("name", "location", "properties")}
    answer = await api.request("POST", f"{registry}/importWebhooks", {"value": [item]})
    assert answer.status == 200, answer.text
    assert kept(api).client_key == CLIENT.key_pem  # replaced by itself
    item["name"] = "fresh01"
    answer = await api.request("POST", f"{registry}/importWebhooks", {"value": [item]})
    assert answer.status == 200, answer.text
    fresh = api.store.webhooks.get("alpha", "fresh01")
    assert fresh is not None
    assert (fresh.ca_bundle, fresh.client_certificate) == (CA.pem, "")
