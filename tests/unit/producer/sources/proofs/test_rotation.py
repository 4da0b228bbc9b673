"""Every proof with a secret, for every kind: both secrets in a rotation, and odd headers."""

import base64
import hashlib
import hmac
from types import SimpleNamespace
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from portcall.producer.http.errors import UnprovenError
from portcall.producer.sources import verifying
from portcall.producer.sources.proofs.keeping import IssuerKeys
from portcall.producer.sources.proofs.tokens import TokenProofs
from portcall.producer.sources.verifying import Verifier, check_body
from portcall.schemas.sources import (
    HEADERS,
    NOTIFIERS,
    OVER_BODY,
    WITHOUT_SECRET,
    Proof,
    Source,
    SourceKind,
)
from tests.issuing import FakeIssuer

NEW, OLD, WRONG = "the-newer-secret-of-it", "the-older-secret-of-it", "the-wrong-secret-of-it"
BODY, UNTIL_MS = b'{"a":1}', 1_000_000
WITH_SECRET = [each for each in Proof if each not in WITHOUT_SECRET]
CASES = [
    pytest.param(kind, proof, id=f"{kind}-{proof}")
    for kind in SourceKind
    for proof in WITH_SECRET
    if not (kind in NOTIFIERS and proof in OVER_BODY)
]
Headers = list[tuple[str, str]]


def source(kind: SourceKind, proof: Proof, *secrets: str, **options: str) -> Source:
    wants_header = proof in {Proof.HEADER, *OVER_BODY} and (kind, proof) not in HEADERS
    given = ({"header": "X-Proof"} if wants_header else {}) | options
    return Source("myregistry", "here", kind, proof, secrets, given, previous_until_ms=UNTIL_MS)


def hmac_of(secret: str, algorithm: str) -> str:
    return hmac.new(secret.encode(), BODY, algorithm).hexdigest()


def sent(one: Source, secret: str) -> tuple[Headers, str]:
    """The headers of a sender that knows *secret*, and the last segment of its address."""
    if one.proof is Proof.PATH:
        return [], secret
    name, prefix = one.header
    pair = f"{one.options.get('user', 'portcall')}:{secret}".encode()
    value = {
        Proof.BEARER: f"Bearer {secret}",
        Proof.AUTHORIZATION: secret,
        Proof.BASIC: f"Basic {base64.b64encode(pair).decode()}",
        Proof.HEADER: f"{prefix}{secret}",
        Proof.HMAC_SHA256: f"{prefix}{hmac_of(secret, 'sha256')}",
        Proof.HMAC_SHA1: f"{prefix}{hmac_of(secret, 'sha1')}",
    }[one.proof]
    is_own = one.proof in {Proof.HEADER, *OVER_BODY}
    return [(name if is_own else "Authorization", value)], ""


async def is_let_in(one: Source, headers: Headers, in_path: str = "", body: bytes = BODY) -> bool:
    request: Any = SimpleNamespace(
        headers=CIMultiDictProxy(CIMultiDict(headers)),
        match_info={"secret": in_path} if in_path else {},
        remote="192.0.2.1",
    )
    tokens = TokenProofs(IssuerKeys(FakeIssuer("", []).fetch))
    try:
        await Verifier(tokens).check_head(one, request)
        check_body(one, request, body)
    except UnprovenError:
        return False
    return True


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The time, which a test may set."""
    now = {"ms": 0}
    monkeypatch.setattr(verifying, "now_ms", lambda: now["ms"])
    return now


@pytest.mark.parametrize(("kind", "proof"), CASES)
async def test_both_secrets_count_until_the_older_one_ends(
    kind: SourceKind, proof: Proof, at: dict[str, int]
) -> None:
    one = source(kind, proof, NEW, OLD)
    for at["ms"], expected in (
        (UNTIL_MS - 1, {NEW: True, OLD: True, WRONG: False}),
        (UNTIL_MS, {NEW: True, OLD: False, WRONG: False}),
    ):
        for secret, is_right in expected.items():
            assert await is_let_in(one, *sent(one, secret)) is is_right
        assert not await is_let_in(one, [])


@pytest.mark.parametrize(("kind", "proof"), CASES)
async def test_without_a_secret_no_sender_is_let_in(kind: SourceKind, proof: Proof) -> None:
    for secrets in ((), ("",)):
        one = source(kind, proof, *secrets)
        for secret in ("", NEW, "None"):
            assert not await is_let_in(one, *sent(one, secret))


@pytest.mark.parametrize("proof", [each for each in WITH_SECRET if each is not Proof.PATH])
async def test_a_header_that_is_there_twice_or_empty_proves_nothing(proof: Proof) -> None:
    one = source(SourceKind.GENERIC, proof, NEW)
    ((name, right),), _ = sent(one, NEW)
    ((_, wrong),), _ = sent(one, WRONG)
    assert await is_let_in(one, [(name.lower(), right)])
    for values in ((right, right), (right, wrong), (wrong, right), ("", right), ("",), (" ",)):
        assert not await is_let_in(one, [(name, value) for value in values])
    assert not await is_let_in(one, [(name, right)], "in-the-path")


@pytest.mark.parametrize("proof", [Proof.AUTHORIZATION, Proof.BASIC, Proof.HEADER, Proof.BEARER])
@pytest.mark.parametrize("secret", ["Token of the week", 'quotes" and ,commas;', "a:b:c:d:e:f:g:h"])
async def test_a_secret_may_have_spaces_and_colons(proof: Proof, secret: str) -> None:
    one = source(SourceKind.GENERIC, proof, secret)
    headers, _ = sent(one, secret)
    assert await is_let_in(one, headers)
    assert not await is_let_in(one, [(name, value[:-2]) for name, value in headers])


@pytest.mark.parametrize("proof", [each for each in WITH_SECRET if each is not Proof.PATH])
@pytest.mark.parametrize(
    "odd", ["é" * 22, "\udcff" * 22, "\udcc3\udca9", "Bearer \udcff", "Basic é"]
)
async def test_what_is_no_ascii_proves_nothing(proof: Proof, odd: str) -> None:
    one = source(SourceKind.GENERIC, proof, NEW)
    assert not await is_let_in(one, [(one.header[0] or "Authorization", odd)])


def basic(text: bytes, *, padded: bool = True) -> str:
    encoded = base64.b64encode(text).decode()
    return f"Basic {encoded if padded else encoded.rstrip('=')}"


BASIC: list[Any] = [
    pytest.param("me", "pass:word:with:colons", True, id="colons in the password"),
    pytest.param("me", "sixteen-letters-a", True, id="two characters of padding"),
    pytest.param("me", "sixteen-letters-ab", True, id="one character of padding"),
    pytest.param("me", "sixteen-letters-abc", True, id="no padding"),
    pytest.param("mé", "sixteen-letters-abc", True, id="a user in UTF-8"),
]


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize(("user", "secret", "expected"), BASIC)
async def test_basic_as_senders_write_it(
    user: str, secret: str, *, expected: bool, padded: bool
) -> None:
    one = source(SourceKind.GENERIC, Proof.BASIC, secret, user=user)
    value = basic(f"{user}:{secret}".encode(), padded=padded)
    for written in (value, value.replace("Basic", "basic"), value.replace(" ", "  ")):
        assert await is_let_in(one, [("Authorization", written)]) is expected


@pytest.mark.parametrize(
    "value",
    [
        basic(b"me"),
        basic(b":sixteen-letters-a"),
        basic(b"me:"),
        basic(b"sixteen-letters-a:me"),
        basic(b"me:sixteen-letters-a\n"),
        basic(b"\xff\xfe:sixteen-letters-a"),
        "Basic",
        "Basic =",
        "Basic A",
        "Basic ####",
        "Basic bWU6\u00a0",
        "Bearer bWU6c2l4dGVlbi1sZXR0ZXJzLWE=",
        "me:sixteen-letters-a",
    ],
)
async def test_basic_that_is_wrong(value: str) -> None:
    one = source(SourceKind.GENERIC, Proof.BASIC, "sixteen-letters-a", user="me")
    assert not await is_let_in(one, [("Authorization", value)])


@pytest.mark.parametrize("proof", sorted(OVER_BODY))
async def test_a_signature_is_of_the_bytes(proof: Proof) -> None:
    one = source(SourceKind.GENERIC, proof, NEW)
    headers, _ = sent(one, NEW)
    for body in (b'{"a": 1}', BODY + b"\n", b"", hashlib.sha256(BODY).digest()):
        assert not await is_let_in(one, headers, body=body)
