"""Faults: the table, rates, bodies, and which events they befall."""

import json
from collections import Counter

import pytest

from portcall.loadtest.faults import bodies
from portcall.loadtest.faults.choice import (
    HEAVY,
    USUAL_RATE,
    Chooser,
    parse_faults,
    possible_faults,
)
from portcall.loadtest.faults.kinds import BY_NAME, KINDS, FaultKind, Group, Times
from portcall.loadtest.payloads.formats import ACR, find_format
from portcall.loadtest.plan import Wants
from portcall.loadtest.signing import Forgery, Signing, Style
from portcall.schemas.errors import InvalidValueError
from tests.unit.loadtest.samples import SECRET

BODY = b'{"id":"a","action":"push"}'


def test_every_fault_has_a_name_of_its_own_and_says_what_is_right() -> None:
    assert len(BY_NAME) == len(KINDS)
    for kind in KINDS:
        assert kind.sent
        assert kind.right
        assert not {*Group} & {kind.name}


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_what_must_be_refused_must_not_be_processed(kind: FaultKind) -> None:
    assert isinstance(kind.forgery, Forgery)
    if kind.wants is Wants.REFUSED:
        assert kind.processed is Times.NEVER
    if kind.wants is Wants.EITHER:
        assert kind.processed is Times.AT_MOST_ONCE


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_every_fault_is_one(kind: FaultKind) -> None:
    marks = [kind.forgery, kind.spoil, kind.tamper, kind.content_type, kind.repeat, kind.overtaken]
    assert any(marks) or kind.transport != KINDS[0].transport


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {}),
        (["duplicate"], {"duplicate": USUAL_RATE}),
        (["duplicate:5%", "expired:0.02"], {"duplicate": 0.05, "expired": 0.02}),
        (["duplicate:5%,expired:0.02"], {"duplicate": 0.05, "expired": 0.02}),
        (["duplicates:2%", "duplicate:0"], {"duplicate": 0.0, "duplicate-concurrent": 0.02, "duplicate-resigned": 0.02}),
        (["huge-25mb:0.001"], {"huge-25mb": 0.001}),
    ],
)  # fmt: skip
def test_rates_are_read(words: list[str], expected: dict[str, float]) -> None:
    assert parse_faults(words) == expected


def test_all_leaves_out_what_is_heavy() -> None:
    assert set(parse_faults(["all"])) == set(BY_NAME) - HEAVY


@pytest.mark.parametrize("words", [["nothing"], ["duplicate:2"], ["duplicate:x"], ["duplicate:-1"], ["duplicate:101%"],
                                   ["duplicate:60%", "expired:50%"], ["all:10%"]])  # fmt: skip
def test_what_is_no_fault_or_no_rate_is_told(words: list[str]) -> None:
    with pytest.raises(InvalidValueError, match="--fault"):
        parse_faults(words)


SIGNED = Signing.of(Style.STANDARD, SECRET)


@pytest.mark.parametrize(
    ("asked", "signing", "payload", "why"),
    [
        ("wrong-signature", Signing.of(Style.STANDARD, ""), "acr", "needs a secret"),
        ("expired", Signing.of(Style.GITHUB, "x"), "acr", "does not sign the time"),
        ("rotated", Signing.of(Style.GITHUB, "x"), "acr", "one signature"),
        ("stale-push", SIGNED, "docker-hub", "no delete events"),
    ],
)
def test_a_fault_that_cannot_be_made_is_told_where_it_was_asked_for(
    asked: str, signing: Signing, payload: str, why: str
) -> None:
    chosen = find_format(payload)
    with pytest.raises(InvalidValueError, match=why):
        possible_faults(parse_faults([asked]), [asked], signing, chosen)
    rates = parse_faults(["all"])
    assert asked not in possible_faults(rates, ["all"], signing, chosen)


def test_what_can_be_made_stays() -> None:
    rates = parse_faults(["all"])
    assert possible_faults(rates, ["all"], SIGNED, ACR) == rates


def test_faults_come_as_often_as_asked_for_and_the_same_for_the_same_seed() -> None:
    rates = {"duplicate": 0.1, "expired": 0.02}

    def chosen(seed: int) -> list[str]:
        chooser = Chooser(rates, seed=seed)
        kinds = [chooser.next() for _ in range(20_000)]
        return [kind.name if kind else "" for kind in kinds]

    counts = Counter(chosen(1))
    assert counts["duplicate"] == pytest.approx(2000, rel=0.1)
    assert counts["expired"] == pytest.approx(400, rel=0.2)
    assert chosen(1) == chosen(1)
    assert chosen(1) != chosen(2)


def test_without_rates_there_are_no_faults() -> None:
    assert {Chooser({}, seed=1).next() for _ in range(5)} == {None}


def test_a_truncated_body_is_no_json() -> None:
    with pytest.raises(ValueError, match="column"):
        json.loads(bodies.truncated(BODY))


def test_a_tampered_body_is_still_the_same_json() -> None:
    assert bodies.tampered(BODY) != BODY
    assert json.loads(bodies.tampered(BODY)) == json.loads(BODY)


def test_a_key_stands_twice() -> None:
    pairs = json.loads(bodies.key_twice(BODY), object_pairs_hook=list)
    assert [name for name, _ in pairs] == ["id", "id", "action"]


@pytest.mark.parametrize("size", [1_000_000, 100])
def test_a_padded_body_has_the_size_and_all_its_fields(size: int) -> None:
    body = bodies.padded_to(size)(BODY)
    assert len(body) == size
    assert json.loads(body)["action"] == "push"


def test_a_body_that_is_longer_already_loses_nothing() -> None:
    assert json.loads(bodies.padded_to(3)(BODY))["id"] == "a"
