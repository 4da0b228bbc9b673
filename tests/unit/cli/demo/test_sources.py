"""The samples of sources, their proofs, and what the demo says when one does not come through."""

import json
from dataclasses import replace
from typing import Any

import jwt
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from rich.console import Console

from portcall.cli.demo.command import play
from portcall.cli.demo.passages import Passage, check, document_of, table_of
from portcall.cli.demo.proving import SampleIssuer, headers_of
from portcall.cli.demo.sample_consumer import Post, SampleConsumer
from portcall.cli.demo.samples import DOCUMENTED, RECORDED, sample_of
from portcall.cli.demo.sources import arrived
from portcall.cli.demo.stage import Stage
from portcall.producer.formats.acceptance import Translation
from portcall.producer.sources.adapter import SourceRequest
from portcall.producer.sources.hints import looks_like
from portcall.producer.sources.proofs.signed import is_signed, signature_of
from portcall.producer.sources.proofs.static import is_proven
from portcall.producer.sources.samples import read_as
from portcall.schemas.options.table import check_options
from portcall.schemas.sources import (
    DEFAULT_PROOFS,
    OVER_BODY,
    Proof,
    Source,
    SourceKind,
)
from tests.unit.producer.samples import acceptance

KINDS = list(SourceKind)
SECRET = "a-secret-of-the-tests"  # noqa: S105
POST = Post("/", (), json.dumps({"action": "push", "target": {"repository": "a"}}).encode())


def translation_of(kind: SourceKind) -> Translation:
    sample = sample_of(kind)
    request = SourceRequest(sample.headers, sample.body, {}, sample.options)
    return read_as(kind, request, acceptance())


def passage_of(kind: SourceKind, **values: Any) -> Passage:  # noqa: ANN401 (of any field)
    proof = DEFAULT_PROOFS[kind]
    return replace(Passage(sample_of(kind), proof, 200, '{"accepted": 1}', POST), **values)


@pytest.mark.parametrize("kind", KINDS)
def test_each_sample_is_one_push(kind: SourceKind) -> None:
    sample, translation = sample_of(kind), translation_of(kind)
    (event,) = translation.events
    assert (event.action, event.repository) == ("push", sample.repository)
    assert not translation.ignored
    assert sample.origin in (RECORDED, DOCUMENTED)
    assert sample.facts.endswith(".")


def test_no_two_samples_have_the_same_repository_or_id() -> None:
    assert len({sample_of(kind).repository for kind in KINDS}) == len(KINDS)
    ids = [event.id for kind in KINDS for event in translation_of(kind).events if event.id]
    assert len({*ids, "new-1"}) >= len(KINDS) - 3  # Quay, Artifactory and Harness have none


@pytest.mark.parametrize("kind", KINDS)
def test_no_sample_looks_like_another_kind(kind: SourceKind) -> None:
    sample = sample_of(kind)
    looks = looks_like(SourceRequest(sample.headers, sample.body, {}, sample.options))
    alike = {SourceKind.GITLAB: SourceKind.DISTRIBUTION}
    assert looks in (None, kind, alike.get(kind))


PROOFS = [(kind, DEFAULT_PROOFS[kind]) for kind in KINDS] + [(SourceKind.ACR, Proof.BASIC)]


@pytest.mark.parametrize(("kind", "proof"), PROOFS)
def test_each_proof_is_valid(kind: SourceKind, proof: Proof) -> None:
    sample, issuer = sample_of(kind), SampleIssuer()
    options = dict(sample.options) | (issuer.options() if proof is Proof.OIDC else {})
    source = Source("r", "s", kind, proof, (SECRET,), check_options(options, kind, proof))
    sent = headers_of(sample, source, issuer)
    headers = CIMultiDictProxy(CIMultiDict(sent))
    assert sample.headers.items() <= sent.items()
    if proof in OVER_BODY:
        assert is_signed(source, (SECRET,), signature_of(source, headers), sample.body)
    elif proof is Proof.OIDC:
        token, (key,) = headers["Authorization"].split()[1], json.loads(options["jwks"])["keys"]
        claims = jwt.decode(token, jwt.PyJWK(key), audience=options["audience"])
        assert (claims["iss"], claims["email"]) == (options["issuer"], options["email"])
    else:
        in_path = SECRET if proof is Proof.PATH else ""
        assert is_proven(source, (SECRET,), headers, in_path)


def test_what_came_through_is_no_failure() -> None:
    check([passage_of(kind) for kind in KINDS])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"status": 401, "answer": "no proof", "post": None}, "quay: the producer answered 401"),
        ({"post": None}, "quay: the consumer got nothing"),
    ],
    ids=["refused", "lost"],
)
def test_a_kind_that_did_not_come_through_fails_the_demo(values: dict[str, Any], said: str) -> None:
    found = [passage_of(SourceKind.HARBOR), passage_of(SourceKind.QUAY, **values)]
    console = Console(record=True, width=110)

    async def tell(_stage: Stage, _console: Console) -> None:
        check(found)

    assert play(console, tell) == 1
    assert said in console.export_text()
    assert "harbor" not in said
    assert [each["problem"] is None for each in document_of(found)] == [True, False]


def test_the_table_shows_what_came_in_and_what_went_out() -> None:
    found = [
        replace(passage_of(kind), post=Post("/", (), bytes(translation_of(kind).events[0].body)))
        for kind in KINDS
    ]
    console = Console(record=True, width=110, highlight=False, markup=False)
    console.print(table_of(found))
    shown = console.export_text()
    for kind in KINDS:
        assert kind.value in shown
    assert "push shop/harbor-app:2.0.1" in shown
    assert "X-GitHub-Event: package" in shown


def test_a_post_belongs_to_the_sample_with_its_repository() -> None:
    consumer = SampleConsumer("http://127.0.0.1:1")
    consumer.posts.append(Post("/", (), bytes(translation_of(SourceKind.QUAY).events[0].body)))
    found = [passage_of(kind, post=None) for kind in (SourceKind.HARBOR, SourceKind.QUAY)]
    assert [each.post is None for each in arrived(found, consumer)] == [True, False]
