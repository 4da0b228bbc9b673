"""The keys of issuers: what is read of a set, when it is fetched, and what an outage does."""

import asyncio
import json
from typing import Any

import jwt
import pytest
from structlog.testing import capture_logs

from portcall.producer.sources.proofs import keeping
from portcall.producer.sources.proofs.issuers import KeysUnavailableError
from portcall.producer.sources.proofs.keeping import (
    AGAIN_S,
    FRESH_S,
    GONE_S,
    RETRY_S,
    STALE_S,
    IssuerKeys,
)
from portcall.producer.sources.proofs.keys import read_keys
from portcall.schemas.options.checks import MAX_KEYS
from tests.issuing import FakeIssuer, Signer, ec_signer, rsa_signer

ISSUER = "https://issuer.example"
OLD, NEW = ec_signer("old"), ec_signer("new")


class Clock:
    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class Kept:
    """The keys of one fake issuer, at a fake time."""

    def __init__(self, *signers: Signer) -> None:
        self.issuer = FakeIssuer(ISSUER, list(signers))
        self.clock = Clock()
        self.keys = IssuerKeys(self.issuer.fetch, self.clock)

    async def has(self, kid: str) -> bool:
        found = await self.keys.find(ISSUER, kid) is not None
        await asyncio.sleep(0)  # a renewal that no request waits for
        return found

    def fetched(self) -> int:
        """How often the key set was asked for since the last call."""
        count = sum(each.endswith("/keys") for each in self.issuer.asked)
        self.issuer.asked.clear()
        return count


async def test_a_known_key_is_fetched_once() -> None:
    kept = Kept(OLD)
    assert [await kept.has("old") for _ in range(5)] == [True] * 5
    assert kept.fetched() == 1


async def test_unknown_keys_cause_one_fetch_in_a_while() -> None:
    kept = Kept(OLD)
    assert await kept.has("old")
    kept.clock.now_s += AGAIN_S
    assert not any([await kept.has(f"unknown-{number}") for number in range(50)])
    assert kept.fetched() == 2
    kept.clock.now_s += AGAIN_S
    assert not await kept.has("unknown")
    assert kept.fetched() == 1


async def test_a_new_key_is_found_and_the_old_one_still_counts_for_an_hour() -> None:
    kept = Kept(OLD)
    assert await kept.has("old")
    kept.issuer.signers = [NEW]
    kept.clock.now_s += AGAIN_S
    assert await kept.has("new")
    assert await kept.has("old")
    kept.clock.now_s += GONE_S
    assert not await kept.has("old")
    assert await kept.has("new")


async def test_a_key_that_is_gone_counts_no_longer_because_of_other_fetches() -> None:
    kept = Kept(OLD)
    assert await kept.has("old")
    kept.issuer.signers = [NEW]
    for _ in range(3):
        kept.clock.now_s += GONE_S / 2
        await kept.has("unknown")
    assert not await kept.has("old")


async def test_a_key_that_was_withdrawn_in_a_quiet_time_has_no_further_hour() -> None:
    kept = Kept(OLD)
    assert await kept.has("old")
    kept.issuer.signers = [NEW]
    kept.clock.now_s += STALE_S
    assert not await kept.has("old")
    assert await kept.has("new")


async def test_old_keys_are_renewed_while_they_are_used() -> None:
    kept = Kept(OLD)
    assert await kept.has("old")
    kept.fetched()
    kept.clock.now_s += FRESH_S
    gate = asyncio.Event()
    fetch = kept.issuer.fetch

    async def slow(address: str) -> bytes:
        await gate.wait()
        return await fetch(address)

    kept.keys._fetch = slow
    async with asyncio.timeout(1):
        assert all([await kept.has("old") for _ in range(5)])
    gate.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert kept.fetched() == 1


async def test_many_requests_wait_for_one_fetch() -> None:
    kept = Kept(OLD)
    found = await asyncio.gather(*(kept.has("old") for _ in range(100)))
    assert all(found)
    assert kept.fetched() == 1


async def test_a_request_that_leaves_ends_the_fetch_of_no_other() -> None:
    kept = Kept(OLD)
    first = asyncio.create_task(kept.has("old"))
    second = asyncio.create_task(kept.has("old"))
    await asyncio.sleep(0)
    first.cancel()
    assert await second


async def test_known_keys_outlive_the_issuer_for_a_day() -> None:
    kept = Kept(OLD)
    assert await kept.has("old")
    kept.issuer.problem = KeysUnavailableError("gone")
    kept.clock.now_s += STALE_S - 1
    assert await kept.has("old")
    with pytest.raises(KeysUnavailableError):
        await kept.has("new")
    kept.clock.now_s += 1
    with pytest.raises(KeysUnavailableError):
        await kept.has("old")


async def test_an_issuer_that_is_away_is_asked_now_and_then() -> None:
    kept = Kept(OLD)
    kept.issuer.problem = KeysUnavailableError("gone")
    with capture_logs() as logs:
        for _ in range(20):
            with pytest.raises(KeysUnavailableError):
                await kept.has("old")
        assert len(kept.issuer.asked) == 1
        assert list(kept.keys.warnings().values()) == ["its keys cannot be fetched: gone"]
        kept.issuer.problem = None
        kept.clock.now_s += RETRY_S
        assert await kept.has("old")
    assert [each["event"] for each in logs] == ["issuer.lost", "issuer.found"]
    assert not kept.keys.warnings()


async def test_an_issuer_that_hangs_is_given_up_and_delays_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeping, "FETCH_S", 0.05)
    other = FakeIssuer("https://other.example", [NEW])

    async def fetch(address: str) -> bytes:
        if address.startswith(ISSUER):
            await asyncio.Event().wait()
        return await other.fetch(address)

    keys = IssuerKeys(fetch, Clock())
    hanging = asyncio.create_task(keys.find(ISSUER, "old"))
    await asyncio.sleep(0)
    assert await keys.find("https://other.example", "new")
    assert not hanging.done()
    with pytest.raises(KeysUnavailableError):
        await hanging


def configured(**changes: Any) -> bytes:  # noqa: ANN401 (JSON)
    return json.dumps({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"} | changes).encode()


@pytest.mark.parametrize(
    "configuration",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        configured(issuer="https://evil.example"),
        configured(jwks_uri="https://evil.example/keys"),
        configured(jwks_uri=f"{ISSUER}:444/keys"),
        configured(jwks_uri="http://issuer.example/keys"),
        configured(jwks_uri="http://169.254.169.254/latest"),
        configured(jwks_uri="file:///etc/passwd"),
        configured(jwks_uri="https://[::1"),
        configured(jwks_uri=None),
    ],
    ids=lambda value: value[:80].decode(),
)
async def test_keys_are_fetched_from_the_issuers_own_host(configuration: bytes) -> None:
    asked = []

    async def fetch(address: str) -> bytes:
        asked.append(address)
        return configuration

    with pytest.raises(KeysUnavailableError):
        await IssuerKeys(fetch, Clock()).find(ISSUER, "old")
    assert asked == [f"{ISSUER}/.well-known/openid-configuration"]


WEAK = rsa_signer("weak", bits=1024)
PRIVATE = jwt.get_algorithm_by_name("ES256").to_jwk(OLD.key, as_dict=True)


@pytest.mark.parametrize(
    "odd",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "odd", "alg": "HS256"},
        OLD.jwk | {"kid": "odd", "use": "enc"},
        OLD.jwk | {"kid": 7},
        OLD.jwk | {"kid": "odd", "alg": "RS256"},
        OLD.jwk | {"kid": "odd", "x": "AAAA"},
        WEAK.jwk | {"kid": "odd"},
        PRIVATE | {"kid": "odd"},
        {"kty": "EC", "kid": "odd"},
        {"kid": "odd"},
        "odd",
        None,
    ],
    ids=["oct", "enc", "kid 7", "RS256", "x", "weak", "private", "no x", "no kty", "text", "null"],
)
def test_keys_that_cannot_be_used_are_left_out(odd: object) -> None:
    assert list(read_keys(json.dumps({"keys": [odd, OLD.jwk]}))) == ["old"]


def test_a_huge_set_is_cut() -> None:
    many = [OLD.jwk | {"kid": str(number)} for number in range(MAX_KEYS * 2)]
    assert len(read_keys(json.dumps({"keys": many}))) == MAX_KEYS


def test_a_key_without_an_algorithm_may_use_all_of_its_type() -> None:
    described = {name: value for name, value in OLD.jwk.items() if name != "alg"}
    assert read_keys(json.dumps({"keys": [described]}))["old"].algorithms == ("ES256",)


async def test_a_set_without_a_usable_key_replaces_nothing() -> None:
    kept = Kept(OLD)
    assert await kept.has("old")
    kept.issuer.signers = []
    kept.clock.now_s += GONE_S * 3
    assert await kept.has("old")
