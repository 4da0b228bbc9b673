"""Tokens that were verified a moment ago: not longer than allowed, and not for other settings."""

import jwt
import pytest

from portcall.producer.sources.proofs import proven
from portcall.producer.sources.proofs.proven import MAX_TOKENS, REMEMBERED_S, ProvenTokens
from portcall.schemas.sources import Proof, Source, SourceKind

KEY = "a-key-of-the-tests-that-is-long-enough"
NOW_S = 1_000.0


class Clock:
    """A clock that is set by hand."""

    now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


def source(name: str = "here") -> Source:
    return Source("r", name, SourceKind.GAR, Proof.OIDC, (), {"audience": "us"})


def token(**claims: object) -> str:
    return jwt.encode({"exp": NOW_S + 3600, **claims}, KEY, algorithm="HS256")


@pytest.mark.parametrize(
    ("end_s", "after_s", "is_known"),
    [
        (3600, 0, True),
        (3600, REMEMBERED_S - 1, True),
        (3600, REMEMBERED_S, False),
        (30, 29, True),
        (30, 30, False),
    ],
)
def test_a_token_is_remembered_for_a_while_and_not_beyond_its_end(
    end_s: float,
    after_s: float,
    is_known: bool,  # noqa: FBT001 (a row of the table)
) -> None:
    clock, here, one = Clock(), source(), token(exp=NOW_S + end_s)
    tokens = ProvenTokens(clock)
    tokens.add(here, one)
    clock.now_s += after_s
    assert tokens.has(here, one) is is_known


def test_a_token_is_known_for_the_same_settings_only() -> None:
    here, one = source(), token()
    tokens = ProvenTokens(Clock())
    tokens.add(here, one)
    assert tokens.has(here, one)
    assert not tokens.has(source(), one)
    assert not tokens.has(source("there"), one)
    assert not tokens.has(here, token(sub="another"))
    assert not tokens.has(here, f"{one} ")


@pytest.mark.parametrize("text", ["", "no token", "a.b.c", "\ud800", token(exp=None)])
def test_what_says_no_end_is_not_remembered(text: str) -> None:
    here, tokens = source(), ProvenTokens(Clock())
    tokens.add(here, text)
    assert not tokens.has(here, text)


def test_the_oldest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proven, "MAX_TOKENS", 2)
    here, tokens = source(), ProvenTokens(Clock())
    three = [token(sub=str(number)) for number in range(3)]
    for each in three:
        tokens.add(here, each)
    assert [tokens.has(here, each) for each in three] == [False, True, True]
    assert MAX_TOKENS > 2
