"""What each kind of source tells beyond ACR's payload, and that no credential of it is kept."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from portcall.producer.digests.digests import KnownDigests
from portcall.producer.formats import distribution
from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.formats.ignoring import note_of
from portcall.producer.sources.table import adapter_of
from portcall.schemas.children import Child
from portcall.schemas.events import Event
from portcall.schemas.extras import MAX_TEXT, Extras
from portcall.schemas.frames import encode_events
from portcall.schemas.sources import SourceKind
from tests.unit.producer.samples import acceptance, recorded
from tests.unit.producer.sources import (
    test_acr,
    test_alibaba,
    test_artifactory,
    test_ecr,
    test_eventgrid,
    test_gar,
    test_generic,
    test_harness,
    test_nexus,
    test_vendors,
)
from tests.unit.producer.sources.requests import DIGEST, INDEX, MANIFEST, changed, request
from tests.unit.schemas.test_extras import JWT, NAMES, SECRETS

RECORDED = Path(__file__).parent / "recorded"
CONFIG = "application/vnd.oci.image.config.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
CHILDREN = [
    {
        "mediaType": MANIFEST,
        "platform": {"os": "linux", "architecture": "amd64"},
        "digest": "sha256:a",
    },
    {
        "mediaType": MANIFEST,
        "platform": {"os": "linux", "architecture": "arm", "variant": "v7"},
    },
    {
        "mediaType": MANIFEST,
        "platform": {"os": "unknown", "architecture": "unknown"},
        "digest": "sha256:b",
    },
]
LISTED = (Child("sha256:a", "linux/amd64"), Child("sha256:b"))
PLATFORMS = ("linux/amd64", "linux/arm/v7")
NOTIFIED = test_vendors.GITLAB["events"][0]
GITHUB_CONFIG = {"config": {"media_type": "application/vnd.cncf.helm.config.v1+json"}}
GHCR_CHART = "package.package_version.container_metadata.manifest"

Case = tuple[SourceKind, Any, Mapping[str, str], Mapping[str, str]]


def notified(**target: object) -> dict[str, Any]:
    """An envelope of docker distribution with one push."""
    return {"events": [NOTIFIED | {"target": NOTIFIED["target"] | target}]}


def case(
    kind: SourceKind,
    body: object,
    headers: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
) -> Case:
    return kind, body, headers or {}, options or {}


SAMPLES: dict[SourceKind, tuple[Case, Extras]] = {
    SourceKind.DISTRIBUTION: (
        case(SourceKind.DISTRIBUTION, notified(references=[{"mediaType": CONFIG}])),
        Extras(actor="ci", artifact_type="image"),
    ),
    SourceKind.GITLAB: (case(SourceKind.GITLAB, test_vendors.GITLAB), Extras(actor="ci")),
    SourceKind.HARBOR: (
        case(SourceKind.HARBOR, test_vendors.HARBOR),
        Extras(actor="robot$ci"),
    ),
    SourceKind.GHCR: (
        case(
            SourceKind.GHCR,
            changed(test_vendors.GHCR, {GHCR_CHART: GITHUB_CONFIG}),
            test_vendors.GITHUB,
        ),
        Extras(actor="octo", artifact_type="helm"),
    ),
    SourceKind.DOCKERHUB: (case(SourceKind.DOCKERHUB, test_vendors.HUB), Extras(actor="octo")),
    SourceKind.QUAY: (case(SourceKind.QUAY, test_vendors.QUAY), Extras()),
    SourceKind.ZOT: (
        case(
            SourceKind.ZOT,
            test_vendors.ZOT
            | {
                "mediaType": INDEX,
                "manifest": json.dumps({"manifests": CHILDREN}),
                "actor": {"name": "ci"},
            },
            test_vendors.ZOT_PUSH,
        ),
        Extras(actor="ci", artifact_type="index", platforms=PLATFORMS, children=LISTED),
    ),
    SourceKind.GITEA: (
        case(SourceKind.GITEA, test_vendors.GITEA, test_vendors.BOTH),
        Extras(actor="octo"),
    ),
    SourceKind.FORGEJO: (
        case(SourceKind.FORGEJO, test_vendors.GITEA, {"X-Forgejo-Delivery": "d-3"}),
        Extras(actor="octo"),
    ),
    SourceKind.ACR: (
        case(SourceKind.ACR, test_acr.PUSH | {"actor": {"name": "ci"}}),
        Extras(actor="ci"),
    ),
    SourceKind.EVENTGRID: (
        case(SourceKind.EVENTGRID, test_eventgrid.own("ImagePushed", test_eventgrid.DATA)),
        Extras(source_id="831e"),
    ),
    SourceKind.ECR: (case(SourceKind.ECR, test_ecr.PUSH), Extras(artifact_type="image")),
    SourceKind.GAR: (
        case(SourceKind.GAR, {"action": "INSERT", "tag": test_gar.TAGGED}, test_gar.HEADERS),
        Extras(),
    ),
    SourceKind.ARTIFACTORY: (
        case(SourceKind.ARTIFACTORY, test_artifactory.PUSH),
        Extras(actor="octo@acme.test", artifact_type="image", platforms=("linux/amd64",)),
    ),
    SourceKind.NEXUS: (
        case(SourceKind.NEXUS, test_nexus.CREATED, test_nexus.HEADERS),
        Extras(actor="octo"),
    ),
    SourceKind.ALIBABA: (case(SourceKind.ALIBABA, test_alibaba.PUSH), Extras()),
    SourceKind.HARNESS: (case(SourceKind.HARNESS, test_harness.CREATED), Extras(actor="octo")),
    SourceKind.GENERIC: (
        case(SourceKind.GENERIC, test_generic.SENT, None, test_generic.SETTINGS),
        Extras(actor="octo"),
    ),
}
"""By kind: a push with its actor, and what must be kept of it."""

ACTORS: dict[SourceKind, str] = {
    SourceKind.DISTRIBUTION: "events.0.actor.name",
    SourceKind.GITLAB: "events.0.actor.name",
    SourceKind.HARBOR: "operator",
    SourceKind.GHCR: "sender.login",
    SourceKind.DOCKERHUB: "push_data.pusher",
    SourceKind.ZOT: "actor.name",
    SourceKind.GITEA: "sender.login",
    SourceKind.FORGEJO: "sender.login",
    SourceKind.ACR: "actor.name",
    SourceKind.EVENTGRID: "data.actor.name",
    SourceKind.ARTIFACTORY: "source",
    SourceKind.NEXUS: "initiator",
    SourceKind.HARNESS: "principal.uid",
    SourceKind.GENERIC: "by.login",
}
"""Where each kind names its actor."""


def taken(one: Case) -> Translation:
    """What the intake makes of a request of a source of that kind."""
    kind, body, headers, options = one
    adapter = adapter_of(kind)
    accepting = acceptance()
    by_source = Acceptance(
        accepting.registry, accepting.now_ms, accepting.new_id, kind.value, "main"
    )
    sent = request(body, headers=headers, options=options)
    if adapter is None:
        return distribution.read(KnownDigests(), sent.body, by_source)
    return adapter(sent, by_source)


def only(one: Case) -> Event:
    (event,) = taken(one).events
    return event


def with_actor(kind: SourceKind, actor: object) -> Case:
    """The kind's push by another actor; other fields that hold credentials have one, too."""
    _, body, headers, options = SAMPLES[kind][0]
    made = json.loads(json.dumps(body))
    *way, last = ACTORS[kind].split(".")
    place = made
    for name in way:
        place = place[int(name)] if name.isdigit() else place.setdefault(name, {})
    place[last] = actor
    return kind, made, headers, options


def stored(translation: Translation) -> str:
    """Everything of it that leaves the producer."""
    notes = [note_of(one, "myregistry", 1) for one in translation.details]
    return encode_events(translation.events).decode() + repr(notes)


@pytest.mark.parametrize("kind", SourceKind)
def test_every_kind_tells_what_it_knows_and_its_own_name(kind: SourceKind) -> None:
    one, expected = SAMPLES[kind]
    assert only(one).extras == structs.replace(expected, kind=kind.value, source="main")


@pytest.mark.parametrize("kind", SourceKind)
def test_the_payload_has_the_bytes_that_it_had_before_extras(kind: SourceKind) -> None:
    """Recorded with the build before them, of the same requests."""
    bodies = json.loads((RECORDED / "bodies.json").read_text())
    assert [bytes(only(SAMPLES[kind][0]).body).decode()] == bodies[kind.value]


@pytest.mark.parametrize("kind", ACTORS)
def test_a_name_is_kept_as_it_was_sent(kind: SourceKind) -> None:
    kept = {name: only(with_actor(kind, name)).extras for name in NAMES}
    assert [extras.actor if extras else "" for extras in kept.values()] == list(NAMES)


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("kind", ACTORS)
def test_no_credential_of_an_actor_is_kept(kind: SourceKind, secret: str) -> None:
    translation = taken(with_actor(kind, secret))
    (event,) = translation.events
    assert event.extras == structs.replace(
        SAMPLES[kind][1], kind=kind.value, source="main", actor=""
    )
    assert secret[-12:] not in stored(translation)


@pytest.mark.parametrize("kind", ACTORS)
@pytest.mark.parametrize(
    "odd", [7, None, True, [], {}, ["octo"], {"name": JWT}, "", "\0"], ids=repr
)
def test_an_actor_of_another_type_costs_no_event(kind: SourceKind, odd: object) -> None:
    translation = taken(with_actor(kind, odd))
    (event,) = translation.events
    assert event.extras is not None
    assert event.extras.actor in ("", "7", "1")
    assert JWT not in stored(translation)


@pytest.mark.parametrize("kind", ACTORS)
def test_a_long_actor_is_cut(kind: SourceKind) -> None:
    event = only(with_actor(kind, "a" * 5000))
    assert event.extras is not None
    assert event.extras.actor == "a" * MAX_TEXT


@pytest.mark.parametrize("kind", SourceKind)
def test_fields_that_hold_credentials_are_never_kept(kind: SourceKind) -> None:
    """GitLab's JWT (REGISTRIES.md, case 19), Docker Hub's callback (case 11), and their like."""
    known, body, headers, options = SAMPLES[kind][0]
    secret = f"{JWT}/callback-of-a-sender"
    made = json.loads(json.dumps(body))
    for place in _objects(made):
        for name in ("callback_url", "token", "password", "secret", "validationUrl"):
            place[name] = f"https://user:pw@169.254.169.254/{secret}"
        if isinstance(place.get("actor"), dict):
            place["actor"] |= {"user": secret, "user_type": "build"}
    assert secret not in stored(taken((known, made, headers, options)))


def _objects(value: object) -> list[dict[str, Any]]:
    """Every object in a JSON value."""
    if isinstance(value, list):
        return [each for item in value for each in _objects(item)]
    if not isinstance(value, dict):
        return []
    return [value, *(each for item in list(value.values()) for each in _objects(item))]


def layer(media_type: str) -> dict[str, str]:
    return {"mediaType": media_type, "digest": DIGEST}


REFERENCES: dict[str, tuple[dict[str, object], str, tuple[str, ...]]] = {
    "an image": ({"references": [layer(CONFIG), layer("x/tar")]}, "image", ()),
    "a chart": (
        {"references": [layer("application/vnd.cncf.helm.config.v1+json"), layer("x/tar")]},
        "helm",
        (),
    ),
    "BuildKit's attestation": (
        {"references": [layer(CONFIG), layer(IN_TOTO), layer(IN_TOTO)]},
        "attestation",
        (),
    ),
    "an image with one such layer": (
        {"references": [layer(CONFIG), layer("x/tar"), layer(IN_TOTO)]},
        "image",
        (),
    ),
    "cosign's signature": (
        {"references": [layer(CONFIG), layer("application/vnd.dev.cosign.simplesigning.v1+json")]},
        "signature",
        (),
    ),
    "an index": ({"mediaType": INDEX, "references": CHILDREN}, "index", PLATFORMS),
    "an index without references": ({"mediaType": INDEX}, "index", ()),
    "an artifact": ({"artifactType": "application/spdx+json"}, "sbom", ()),
    "a child with its platform": (
        {"platform": {"os": "linux", "architecture": "arm64"}},
        "",
        ("linux/arm64",),
    ),
    "no references": ({}, "", ()),
    "odd references": ({"references": "all"}, "", ()),
    "null references": ({"references": None}, "", ()),
    "an odd reference": ({"references": [7]}, "", ()),
    "odd types": ({"references": [{"mediaType": 7, "platform": "x"}]}, "", ()),
    "an odd platform": ({"platform": [1], "artifactType": {}}, "", ()),
    "very many references": ({"references": [layer(CONFIG)] * 3000}, "", ()),
}


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("kind", [SourceKind.DISTRIBUTION, SourceKind.GITLAB])
def test_references_tell_the_type_and_the_platforms(kind: SourceKind, name: str) -> None:
    target, artifact_type, platforms = REFERENCES[name]
    extras = only(case(kind, notified(**target))).extras
    assert extras is not None
    assert (extras.artifact_type, extras.platforms) == (artifact_type, platforms)
    assert extras.children == (LISTED if target.get("references") is CHILDREN else ())


def test_what_a_real_registry_tells_with_references() -> None:
    """Recorded with docker-registry 2.8: an image, an attestation, a chart, an index, its delete.

    Its references of an index have no platforms; those of distribution 3 may.
    """
    seen = KnownDigests()
    translations = [
        distribution.read(seen, body, acceptance()) for body in recorded("with_references")
    ]
    events = [event for each in translations for event in each.events]
    pushed = [json.loads(bytes(each.body))["target"]["digest"] for each in events[:2]]
    listed = tuple(map(Child, pushed))
    assert [(each.action, each.tag, each.extras) for each in events] == [
        ("push", "", Extras(artifact_type="image")),
        ("push", "", Extras(artifact_type="attestation")),
        ("push", "chart", Extras(artifact_type="helm")),
        ("push", "v1", Extras(artifact_type="index", children=listed)),
        ("push", "latest", Extras(artifact_type="index", children=listed)),
        ("delete", "", Extras(artifact_type="index")),
    ]
    request_id = json.loads(bytes(events[-1].body))["request"]["id"]
    notes = [one for each in translations for one in each.details]
    assert [(one.reason, one.tag, one.request_id) for one in notes] == [
        ("tag_delete", "latest", request_id),
        ("tag_delete", "v1", request_id),
    ]


def test_a_notification_without_a_source_tells_only_what_is_beyond_the_payload() -> None:
    plain = {"events": [{**NOTIFIED, "actor": {}}]}
    (event,) = distribution.read(KnownDigests(), json.dumps(plain).encode(), acceptance()).events
    assert event.extras is None
    named = json.dumps(notified()).encode()
    (event,) = distribution.read(KnownDigests(), named, acceptance()).events
    assert event.extras == Extras(actor="ci")


def test_a_large_body_tells_its_actor_and_type_but_no_references() -> None:
    """Its references are dropped while it is read; see `producer.formats.skimming`."""
    target = {"artifactType": "application/spdx+json", "references": [layer(CONFIG)]}
    odd = NOTIFIED | {"target": NOTIFIED["target"] | target, "timestamp": 7, "request": 7}
    bodies = [notified(**target), {"events": [odd]}]
    raw = json.dumps(bodies[0]).encode().replace(b'"2.0.1"', b'"2.0.1", "x": "\xff"')
    (event,) = distribution.read(KnownDigests(), raw, acceptance()).events
    assert event.extras == Extras(actor="ci", artifact_type="sbom")


def test_deleted_tags_are_noted_with_the_request_that_deleted_them() -> None:
    target = {"repository": "shop/cart", "tag": "v1"}
    body = {"events": [NOTIFIED | {"action": "delete", "target": target}]}
    translation = distribution.read(KnownDigests(), json.dumps(body).encode(), acceptance())
    (note,) = [note_of(one, "myregistry", 1) for one in translation.details]
    assert (note.reason, note.request_id, note.tag) == ("tag_delete", "r", "v1")


def test_no_other_note_has_a_request() -> None:
    body = {"events": [NOTIFIED | {"action": "pull"}]}
    translation = distribution.read(KnownDigests(), json.dumps(body).encode(), acceptance())
    (note,) = [note_of(one, "myregistry", 1) for one in translation.details]
    assert (note.reason, note.request_id) == ("pull", "")
