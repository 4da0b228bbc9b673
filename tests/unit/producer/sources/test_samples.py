"""A dry run reads as the intake does, for every kind, and says what is ignored and why."""

import json

import pytest

from portcall.producer.sources.adapter import MAX_BODY_BYTES
from portcall.producer.sources.samples import try_sample
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.sources import DEFAULT_PROOFS, Proof, Source, SourceKind
from tests.unit.producer.sources.test_ecr import PUSH as ECR

VALIDATION = {
    "id": "1",
    "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
    "data": {"validationCode": "512d38b6"},
}
TARGET = {
    "repository": "shop/cart",
    "tag": "2.0.1",
    "digest": "sha256:" + "1f" * 32,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
}


def source(kind: SourceKind, **options: str) -> Source:
    return Source("myregistry", "here", kind, DEFAULT_PROOFS[kind], (), options)


def body(sent: object) -> bytes:
    return json.dumps(sent).encode()


@pytest.mark.parametrize("kind", [SourceKind.DISTRIBUTION, SourceKind.GITLAB])
def test_notifications_are_read_without_an_intake(kind: SourceKind) -> None:
    events = [{"id": str(n), "action": a, "target": TARGET} for n, a in enumerate(["push", "pull"])]
    translation = try_sample(source(kind), {}, body({"events": events})).translation
    assert [event.repository for event in translation.events] == ["shop/cart"]
    assert translation.ignored == {"pull": 1}


def test_an_adapter_gets_its_own_options_only() -> None:
    options = {"host": "acme.test", "header": "X-A"}
    mine = Source("myregistry", "here", SourceKind.ECR, Proof.HEADER, (), options)
    result = try_sample(mine, {}, body(ECR))
    (event,) = result.translation.events
    assert json.loads(bytes(event.body))["request"]["host"] == "acme.test"
    assert (result.fields, result.handshake, result.hint) == ([], None, "")


def test_what_each_expression_gives_is_shown() -> None:
    one = source(SourceKind.GENERIC, repository="image", tag="missing", header="X-A")
    result = try_sample(one, {}, body([{"image": "shop/cart"}, {"image": 1.5}]))
    (event, _) = result.fields
    assert [(field.name, field.value) for field in event.fields] == [
        ("repository", "shop/cart"),
        ("tag", ""),
    ]
    assert (len(result.translation.events), result.translation.ignored.total()) == (1, 1)


def test_a_handshake_is_answered() -> None:
    result = try_sample(source(SourceKind.EVENTGRID), {}, body([VALIDATION]))
    assert result.handshake == b'{"validationResponse":"512d38b6"}'
    assert result.translation.ignored == {"validation": 1}


def test_a_sample_of_another_kind_gives_a_hint() -> None:
    result = try_sample(source(SourceKind.HARBOR), {"X-GitHub-Event": "package"}, b"{}")
    assert "looks like ghcr" in result.hint
    assert "the source here is of the kind harbor" in result.hint


@pytest.mark.parametrize(
    ("sample", "problem"),
    [
        (b"no JSON", "not JSON"),
        (b"", "is empty"),
        (b"[" * 100_000, ""),
        (b" " * (MAX_BODY_BYTES + 1), "larger than 8388608 bytes"),
    ],
)
@pytest.mark.parametrize("kind", [SourceKind.HARBOR, SourceKind.DISTRIBUTION, SourceKind.GENERIC])
def test_what_is_no_json_or_too_large_is_refused(
    kind: SourceKind, sample: bytes, problem: str
) -> None:
    options = {"repository": "a"} if kind is SourceKind.GENERIC else {}
    with pytest.raises(InvalidValueError) as caught:
        try_sample(source(kind, **options), {}, sample)
    assert caught.value.field == ""
    assert problem in caught.value.problem


@pytest.mark.parametrize("kind", SourceKind)
def test_every_kind_reads_any_json(kind: SourceKind) -> None:
    options = {"repository": "a"} if kind is SourceKind.GENERIC else {}
    for sample in (b"{}", b"[]", b"null", b'"x"', b"[1, {}]"):
        try_sample(source(kind, **options), {}, sample)
