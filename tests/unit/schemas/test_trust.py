"""Certificates and keys as clients send them: what is kept, and what is said of the rest."""

import base64
import datetime as dt
import math
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519

from portcall.runtime.trust import check_usable
from portcall.schemas.certificates import (
    MAX_BUNDLE,
    MAX_CHAIN,
    check_ca_bundle,
    check_chain,
    check_key,
    check_pair,
    count_of,
    facts_of,
    split_pem,
)
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.trust import Trust
from tests.authorities import authority, self_signed, unreadable

CA = authority()
OLD_CA = authority("Old CA", days=-3)
CLIENT = CA.issue("portcall")
MIDDLE = CA.issue("Middle", hosts=(), is_ca=True)
BELOW = MIDDLE.issue("below")
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SMALL_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 (on purpose)
M_9689, M_4423, M_4253, M_3217 = (2**n - 1 for n in (9689, 4423, 4253, 3217))
"""Mersenne's primes: keys of any size without a search for primes."""
UNREADABLE = unreadable(CA)
"""Certificates at which `cryptography` raises errors of its own, no ValueErrors."""
NOW = dt.datetime.now(dt.UTC)
PKCS8 = serialization.PrivateFormat.PKCS8
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
PLAIN = serialization.NoEncryption()
SEALED = serialization.BestAvailableEncryption(b"word")


def rsa_of(p: int, q: int, /, **changed: int) -> str:
    """The RSA key of two primes, in PEM; with some of its numbers *changed*."""
    d = pow(65537, -1, math.lcm(p - 1, q - 1))
    numbers = {
        "n": p * q, "e": 65537, "d": d, "p": p, "q": q,
        "dmp1": d % (p - 1), "dmq1": d % (q - 1), "iqmp": pow(q, -1, p),
    } | changed  # fmt: skip
    return _armoured("RSA PRIVATE KEY", b"".join(map(_integer, (0, *numbers.values()))))


def odd_rsa(**changed: int) -> str:
    found = RSA.private_numbers()
    return rsa_of(found.p, found.q, **changed)


def odd_dh() -> str:
    """A Diffie-Hellman key so large that `cryptography` raises an InternalError."""
    kind = bytes.fromhex("06092a864886f70d010301")
    parameters = _tagged(0x30, _integer((1 << 30_000) + 1) + _integer(2))
    private = _tagged(4, _integer(12_345))
    return _armoured("PRIVATE KEY", _integer(0) + _tagged(0x30, kind + parameters) + private)


def _armoured(what: str, content: bytes) -> str:
    lines = base64.encodebytes(_tagged(0x30, content)).decode()
    return f"-----BEGIN {what}-----\n{lines}-----END {what}-----\n"


def _integer(value: int) -> bytes:
    return _tagged(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _tagged(tag: int, content: bytes) -> bytes:
    length = len(content).to_bytes(4, "big").lstrip(b"\0")
    long = bytes([0x80 + len(length)]) if len(content) > 127 else b""
    return bytes([tag]) + long + length + content


def pem(
    key: object,
    form: serialization.PrivateFormat = PKCS8,
    encryption: serialization.KeySerializationEncryption = PLAIN,
) -> str:
    encoded: bytes = key.private_bytes(  # type: ignore[attr-defined]  # every private key has it
        serialization.Encoding.PEM, form, encryption
    )
    return encoded.decode()


def test_a_bundle_is_kept_without_what_is_around_and_once() -> None:
    text = f"# our CA\r\n{CA.pem.replace(chr(10), chr(13) + chr(10))}\nend\n{CA.pem}{OLD_CA.pem}"
    kept = check_ca_bundle(text, "")
    assert kept == CA.pem + OLD_CA.pem
    assert count_of(kept) == 2
    assert check_ca_bundle(kept, "") == kept


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no certificate in PEM"),
        ("hello", "has no certificate in PEM"),
        ("\udcff", "has no certificate in PEM"),
        (CA.pem[:200], "cannot be read"),
        (CA.pem.replace("MII", "AAA"), "cannot be read"),
        (CA.pem + "\udcff", "is not text"),
        (CA.pem + CA.key_pem, "has a private key in it"),
        (CA.key_pem, "has a private key in it"),
        (CA.pem + "x" * 70_000, "is longer than 65,536 characters"),
        *[(text, "has a certificate that cannot be read") for text in UNREADABLE],
        (CA.pem * (MAX_BUNDLE + 1), f"has {MAX_BUNDLE + 1} certificates; at most {MAX_BUNDLE}"),
    ],
    ids=lambda text: text[:30] or "empty",
)
def test_what_is_no_bundle_is_said(text: str, words: str) -> None:
    with pytest.raises(InvalidValueError, match=words) as raised:
        check_ca_bundle(text, "caBundle")
    assert raised.value.field == "caBundle"
    assert "PRIVATE" not in str(raised.value)


def test_a_chain_keeps_its_order_and_is_bounded() -> None:
    assert check_chain(BELOW.pem, "") == BELOW.pem
    with pytest.raises(InvalidValueError, match=f"at most {MAX_CHAIN}"):
        check_chain(CLIENT.pem * (MAX_CHAIN + 1), "")
    with pytest.raises(InvalidValueError, match="has a private key in it"):
        check_chain(CLIENT.pem + CLIENT.key_pem, "")


@pytest.mark.parametrize("text", UNREADABLE, ids=["x400", "edi", "version", "twice"])
def test_a_chain_that_cannot_be_read_is_said(text: str) -> None:
    for chain in (text, CLIENT.pem + text):
        with pytest.raises(
            InvalidValueError, match="has a certificate that cannot be read"
        ) as raised:
            check_chain(chain, "clientCertificate")
        assert raised.value.field == "clientCertificate"


@pytest.mark.parametrize(
    "text",
    [
        pem(RSA),
        pem(RSA, TRADITIONAL),
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(ec.generate_private_key(ec.SECP256R1()), TRADITIONAL),
        pem(ed25519.Ed25519PrivateKey.generate()),
        pem(ed448.Ed448PrivateKey.generate()),
        "Bag Attributes\n  friendlyName: x\n" + pem(RSA),
        pem(RSA).replace("\n", "\r\n"),
    ],
    ids=["rsa", "rsa-old", "ec", "ec-old", "ed25519", "ed448", "around", "crlf"],
)
def test_keys_are_kept_in_one_form(text: str) -> None:
    kept = check_key(text, "")
    assert kept.startswith("-----BEGIN PRIVATE KEY-----\n")
    assert check_key(kept, "") == kept


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello", "must be one private key in PEM"),
        (CLIENT.pem, "must be one private key in PEM"),
        (pem(RSA) * 2, "must be one private key in PEM"),
        (pem(RSA, encryption=SEALED), "is encrypted: give it without a passphrase"),
        (pem(RSA, TRADITIONAL, SEALED), "is encrypted: give it without a passphrase"),
        (pem(RSA)[:200] + "\n-----END PRIVATE KEY-----\n", "is not a private key that can be read"),
        (pem(dsa.generate_private_key(2048)), "must be an RSA, an elliptic-curve or an Ed25519"),
        (pem(x25519.X25519PrivateKey.generate()), "must be an RSA, an elliptic-curve"),
        (pem(SMALL_RSA), "has 1024 bits"),
        (rsa_of(M_4423, M_4253), "has 8676 bits; an RSA key may have 8192 at most"),
        (rsa_of(M_9689, M_4423), "has 14112 bits"),
        (odd_rsa(q=RSA.private_numbers().q + 2), "numbers do not belong together"),
        (odd_rsa(dmp1=5), "numbers do not belong together"),
        (odd_rsa(dmq1=5), "numbers do not belong together"),
        (odd_rsa(iqmp=5), "numbers do not belong together"),
        (odd_dh(), "is not a private key that can be read"),
        (pem(RSA) + "x" * 20_000, "is longer than 16,384 characters"),
        (pem(RSA) + "\udcff", "is not text"),
    ],
    ids=[
        "text", "certificate", "two", "encrypted", "encrypted-old", "cut", "dsa", "x25519", "small",
        "large", "vast", "q", "dmp1", "dmq1", "iqmp", "dh", "long", "surrogate",
    ],
)  # fmt: skip
def test_what_is_no_key_is_said_without_it(text: str, words: str) -> None:
    with pytest.raises(InvalidValueError, match=words) as raised:
        check_key(text, "clientKey")
    assert raised.value.field == "clientKey"
    assert raised.value.__cause__ is None
    lines = [line for line in text.splitlines() if len(line) == 64]
    assert not any(line in str(raised.value) for line in lines)


def test_no_key_is_looked_at_for_long() -> None:
    """To prove that the factors are primes takes seconds here, and a minute where they are longer.

    A process does nothing else meanwhile.
    """
    large, vast = rsa_of(M_4253, M_3217), rsa_of(M_9689, M_4423)
    began = time.process_time()
    kept = check_key(large, "")
    with pytest.raises(InvalidValueError, match="does not belong"):
        check_pair(CLIENT.pem, kept, "", NOW)
    with pytest.raises(InvalidValueError, match="has 14112 bits"):
        check_key(vast, "")
    assert time.process_time() - began < 0.5


def test_the_numbers_of_a_key_make_the_same_key() -> None:
    assert check_key(odd_rsa(), "") == pem(RSA)


@pytest.mark.parametrize(
    ("chain", "key", "words"),
    [
        (CLIENT.pem, CA.key_pem, "does not belong to the private key"),
        (CA.pem + CLIENT.pem, CLIENT.key_pem, "must begin with the client's own certificate"),
        (CA.issue("x", days=-2).pem, CLIENT.key_pem, "does not belong"),
    ],
    ids=["another", "order", "another-expired"],
)
def test_a_pair_belongs_together(chain: str, key: str, words: str) -> None:
    with pytest.raises(InvalidValueError, match=words):
        check_pair(chain, key, "clientCertificate", NOW)


def test_an_expired_client_certificate_is_refused_with_its_day() -> None:
    old = CA.issue("old", days=-2)
    day = f"{old.certificate.not_valid_after_utc:%Y-%m-%d}"
    with pytest.raises(InvalidValueError, match=f"expired on {day}"):
        check_pair(old.pem, old.key_pem, "", NOW)


def test_good_pairs_pass_and_openssl_takes_them() -> None:
    for identity in (CLIENT, BELOW, self_signed(), CA.issue("later", from_days=3)):
        check_pair(identity.pem, identity.key_pem, "", NOW)
        assert check_usable(identity.pem, identity.key_pem) == ""
    assert check_usable(CLIENT.pem, CA.key_pem) == "key values mismatch"


def test_a_file_with_both_is_taken_apart() -> None:
    for text in (CLIENT.pem + CLIENT.key_pem, CLIENT.key_pem + CLIENT.pem):
        chain, key = split_pem(text)
        assert (check_chain(chain, ""), check_key(key, "")) == (CLIENT.pem, CLIENT.key_pem)
    assert split_pem(CLIENT.pem) == (CLIENT.pem, "")
    assert split_pem(CLIENT.key_pem[:100]) == ("", CLIENT.key_pem[:100])


def test_what_is_told_of_a_certificate() -> None:
    facts = facts_of(BELOW.pem)
    assert facts.subject == "CN=below"
    assert facts.expires_at == BELOW.certificate.not_valid_after_utc


def test_nothing_of_it_is_in_a_repr() -> None:
    assert repr(Trust(CA.pem, CLIENT.pem, CLIENT.key_pem)) == "Trust()"
    assert not Trust()
    assert Trust(CA.pem)
