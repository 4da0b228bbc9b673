"""Traps of the senders that no other table has: odd forms of times, hosts, names, ids and batches."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from portcall.producer.formats import cloudevents
from portcall.producer.formats.acceptance import Translation
from portcall.producer.sources.fields import time_of
from portcall.producer.sources.kinds import (
    acr,
    artifactory,
    dockerhub,
    ecr,
    eventgrid,
    gar,
    ghcr,
    gitea,
    harbor,
    quay,
    zot,
)
from portcall.producer.sources.proofs.signed import is_signed, signature_of
from portcall.producer.sources.proofs.static import is_proven
from portcall.schemas.sources import Proof, Source, SourceKind
from tests.unit.producer.samples import acceptance
from tests.unit.producer.sources import test_acr, test_ecr, test_eventgrid, test_gar, test_vendors
from tests.unit.producer.sources.requests import DIGEST, changed, reasons, request, taken, told
from tests.unit.producer.sources.test_vendors import BOTH, GITHUB, HARBOR, RESOURCE, ZOT, ZOT_PUSH

SECRET = "it-is-a-secret-of-the-tests"  # noqa: S105
IPV6 = "[2001:db8::1]:8443"
AT = "2026-05-02T09:04:05.0000000Z"


def actions(*translations: Translation) -> list[str]:
    return [event["action"] for each in translations for event in told(each)]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("2026-05-02T11:04:05+02:00", AT),
        ("2026-05-02T09:04:05+0000", AT),
        ("2026-05-02T09:04:05.123456789Z", "2026-05-02T09:04:05.123456789Z"),
        ("2026-05-02 09:04:05", AT),
        ("2026-05-02T20:04:05+11:00", AT),
        (1777712645, AT),
        (1777712645000, AT),
        (1.777712645e9, AT),
        ("0001-01-01T00:00:00Z", ""),
        ("1970-01-01T00:00:00Z", ""),
        (0, ""),
        (float("nan"), ""),
        (10**30, ""),
        ("yesterday", ""),
        (None, ""),
        (True, ""),
    ],
    ids=repr,
)
def test_a_time_in_any_form_is_utc_or_unknown(sent: object, expected: str) -> None:
    assert time_of(sent) == expected


def test_harbors_retention_and_its_delete_are_one_delete() -> None:
    retention = {
        "type": "TAG_RETENTION",
        "occur_at": 1777712645,
        "operator": "robot$retention",
        "event_data": {
            "retention": {
                "total": 1,
                "retained": 0,
                "result": "SUCCESS",
                "project_name": "shop",
                "deleted_artifact": [{"type": "image", "name_tag": f"web/cart@{DIGEST}"}],
            }
        },
    }
    both = taken(harbor.read, retention), taken(harbor.read, HARBOR | {"type": "DELETE_ARTIFACT"})
    assert actions(*both) == ["delete"]
    assert reasons(both[0]) == {"retention": 1}


def test_harbors_delete_of_an_artifact_with_two_tags_is_one_event_with_the_digest() -> None:
    """Harbor names the first tag only."""
    (event,) = told(taken(harbor.read, HARBOR | {"type": "DELETE_ARTIFACT"}))
    assert (event["action"], event["target.digest"]) == ("delete", DIGEST)


def test_githubs_ping_as_a_form_is_signed_over_the_form() -> None:
    form = urlencode({"payload": json.dumps({"zen": "Keep it logically awesome.", "hook_id": 1})})
    body = form.encode()
    source = Source("r", "s", SourceKind.GHCR, Proof.HMAC_SHA256, (SECRET,), {})
    signature = hmac.digest(SECRET.encode(), body, hashlib.sha256).hex()
    headers = CIMultiDictProxy(CIMultiDict({"X-Hub-Signature-256": f"sha256={signature}"}))
    assert is_signed(source, (SECRET,), signature_of(source, headers), body)
    assert reasons(taken(ghcr.read, body, headers={"X-GitHub-Event": "ping"})) == {"ping": 1}


def test_githubs_year_1_is_not_the_time_of_a_push() -> None:
    (event,) = told(taken(ghcr.read, test_vendors.GHCR, headers=GITHUB))
    assert event["timestamp"] == AT


def test_six_equal_calls_of_docker_hub_have_one_id() -> None:
    ids = {told(taken(dockerhub.read, test_vendors.HUB))[0]["id"] for _ in range(6)}
    later = changed(test_vendors.HUB, {"push_data.pushed_at": 1777712646})
    assert len(ids) == 1
    assert told(taken(dockerhub.read, later))[0]["id"] not in ids


@pytest.mark.parametrize("kind", ["harbor", "quay", "gitea"])
def test_a_host_may_be_an_ipv6_address_with_a_port(kind: str) -> None:
    resource = RESOURCE | {"resource_url": f"{IPV6}/shop/web/cart:2.0.1"}
    page = f"https://{IPV6}/acme/-/packages/container/cart/2.0.1"
    sent: dict[str, Any] = {
        "harbor": (harbor.read, changed(HARBOR, {"event_data.resources": [resource]})),
        "quay": (quay.read, test_vendors.QUAY | {"docker_url": f"{IPV6}/acme/cart"}),
        "gitea": (gitea.read, changed(test_vendors.GITEA, {"package.html_url": page})),
    }
    adapter, body = sent[kind]
    (event,) = told(taken(adapter, body))
    assert event["request.host"] == IPV6
    assert ":" not in event["target.repository"]


@pytest.mark.parametrize("name", ["nginx", "library/nginx"])
def test_a_repository_is_named_as_it_was_sent(name: str) -> None:
    (event,) = told(
        taken(dockerhub.read, changed(test_vendors.HUB, {"repository.repo_name": name}))
    )
    assert event["target.repository"] == name


def test_the_same_id_from_two_registries_is_two_events() -> None:
    first, second = (
        acr.read(request(test_acr.PUSH), acceptance(registry)).events[0]
        for registry in ("one", "two")
    )
    assert first.id == second.id
    assert first.registry != second.registry


def test_the_headers_of_a_cloud_event_decide_whatever_the_content_type_is() -> None:
    headers = ZOT_PUSH | {"Content-Type": "application/json"}
    assert actions(taken(zot.read, ZOT, headers=headers)) == ["push"]
    assert reasons(taken(acr.read, ZOT, headers=headers)) == {"other_action": 1}


@pytest.mark.parametrize(
    ("written", "expected"),
    [("a%20b", "a b"), ("100%25", "100%"), ("%2525", "%25"), ("%C3%A9", "é")],
)
def test_a_header_of_a_cloud_event_is_decoded_once(written: str, expected: str) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "x", "ce-source": "/r", "ce-subject": written}
    kind = "Microsoft.ContainerRegistry.ImagePushed"
    found = eventgrid._binary(request({}, headers=headers | {"ce-type": kind}), {})
    assert isinstance(found, dict)
    assert found["subject"] == expected
    assert cloudevents.is_binary(headers)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("5f0d", "5f0d"),
        ("a%2Fb", "a/b"),
        ("a%252Fb", "a%2Fb"),
        ('"quoted \\"id\\""', 'quoted "id"'),
        ('"%41"', "A"),
        ('"', '"'),
        ("%C3%A9", "é"),
        ("100%", "100%"),
    ],
)
def test_zots_and_harbors_headers_are_decoded_once(written: str, expected: str) -> None:
    sent = ZOT_PUSH | {"ce-id": written, "ce-time": "2026-05-02T09%3A04%3A05Z"}
    (event,) = taken(zot.read, ZOT, headers=sent).events
    (payload,) = told(taken(zot.read, ZOT, headers=sent))
    told_id = (event.extras and event.extras.source_id) or event.id
    assert (told_id, payload["timestamp"]) == (expected, AT)
    typed = {"ce-type": "harbor.artifact%2Epushed", "ce-id": written}
    (event,) = taken(harbor.read, {"data": HARBOR["event_data"]}, headers=typed).events
    assert ((event.extras and event.extras.source_id) or event.id) == expected


def test_giteas_request_with_githubs_header_is_giteas() -> None:
    (event,) = told(taken(gitea.read, test_vendors.GITEA, headers=BOTH))
    assert event["id"] == BOTH["X-Gitea-Delivery"]


@pytest.mark.parametrize("proof", [Proof.HEADER, Proof.HMAC_SHA256])
def test_artifactorys_header_has_one_meaning(proof: Proof) -> None:
    """The same header has the secret, or the signature: the source's proof says which."""
    source = Source("r", "s", SourceKind.ARTIFACTORY, proof, (SECRET,), {})
    body = b'{"a":1}'
    sent = {
        Proof.HEADER: SECRET,
        Proof.HMAC_SHA256: hmac.digest(SECRET.encode(), body, hashlib.sha256).hex(),
    }
    for given, value in sent.items():
        headers = CIMultiDictProxy(CIMultiDict({"X-JFrog-Event-Auth": value}))
        if proof is Proof.HEADER:
            is_right = is_proven(source, (SECRET,), headers, "")
        else:
            signature = signature_of(source, headers)
            is_right = bool(signature) and is_signed(source, (SECRET,), signature, body)
        assert is_right is (given is proof)


def test_artifactory_without_its_address_has_the_host_of_the_setting() -> None:
    sent = {
        "domain": "docker",
        "event_type": "pushed",
        "data": {"repo_key": "docker-local", "image_name": "team/cart", "tag": "2.0.1"},
    }
    (event,) = told(taken(artifactory.read, sent, options={"host": "pull.acme.test"}))
    assert event["request.host"] == "pull.acme.test"


def test_ecrs_failure_is_dropped_and_china_has_its_own_host() -> None:
    assert reasons(taken(ecr.read, changed(test_ecr.PUSH, {"detail.result": "FAILURE"}))) == {
        "failure": 1
    }
    (event,) = told(
        taken(ecr.read, changed(test_ecr.PUSH, {"region": "cn-north-1", "detail.image-tag": ""}))
    )
    assert event["request.host"].endswith(".amazonaws.com.cn")
    assert "target.tag" not in event


def test_googles_image_path_of_four_parts_is_split_behind_the_host() -> None:
    body = test_gar.wrapped(test_gar.change(tag=f"{test_gar.HOST}/p/r/team/web:1"))
    (event,) = told(taken(gar.read, body))
    assert event["target.repository"] == "p/r/team/web"


def test_a_batch_of_event_grid_has_up_to_a_mebibyte() -> None:
    data = test_eventgrid.DATA | {"padding": "x" * 300}
    batch = [test_eventgrid.own("ImagePushed", data | {"id": f"e-{n}"}) for n in range(1_100)]
    body = json.dumps(batch).encode()
    assert len(body) > 1024 * 1024
    assert len(taken(eventgrid.read, body).events) == 1_100
