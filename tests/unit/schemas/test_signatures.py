"""Secrets that sign: what each kind looks like, and which are refused."""

import base64

import pytest

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.signatures import (
    Scheme,
    check_shared_secret,
    private_secret,
    public_key,
    scheme_of,
    secret_bytes,
    shared_secret,
)

SEED, PUBLIC = bytes(range(32)), bytes(range(32, 64))
SHARED, PRIVATE = shared_secret(bytes(range(24))), private_secret(SEED, PUBLIC)


def of_length(length: int) -> str:
    return "whsec_" + base64.b64encode(bytes(length)).decode()


@pytest.mark.parametrize(
    ("secret", "scheme"), [("", Scheme.NONE), (SHARED, Scheme.V1), (PRIVATE, Scheme.V1A)]
)
def test_a_secret_says_by_its_prefix_how_it_signs(secret: str, scheme: Scheme) -> None:
    assert scheme_of(secret) is scheme


def test_what_stands_behind_the_prefix_comes_back() -> None:
    assert secret_bytes(SHARED) == bytes(range(24))
    assert secret_bytes(PRIVATE) == SEED + PUBLIC


def test_only_a_pair_of_keys_has_a_public_half() -> None:
    assert public_key(PRIVATE) == "whpk_" + base64.b64encode(PUBLIC).decode()
    assert [public_key(SHARED), public_key("")] == ["", ""]


@pytest.mark.parametrize("length", [24, 32, 64])
def test_a_shared_secret_has_24_to_64_bytes(length: int) -> None:
    assert check_shared_secret(of_length(length)) == of_length(length)


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        (of_length(23), "24 to 64 bytes"),
        (of_length(65), "24 to 64 bytes"),
        ("s3cret-and-long-enough-to-be-one", "must be whsec_"),
        ("whsec_not*base64*at*all*but*long*enough", "the base64 of"),
        (PRIVATE, "Portcall makes v1a keys itself"),
        (public_key(PRIVATE), "Portcall makes v1a keys itself"),
    ],
)
def test_other_secrets_are_refused_and_not_repeated(secret: str, words: str) -> None:
    with pytest.raises(InvalidValueError, match=words) as refused:
        check_shared_secret(secret, "properties.portcall.secret")
    assert refused.value.field == "properties.portcall.secret"
    assert secret not in str(refused.value)
