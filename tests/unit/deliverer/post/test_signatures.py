"""Signatures, judged by the libraries that consumers verify them with, and by outside vectors."""

import base64
import hmac
import time
from collections.abc import Mapping

import pytest
import standardwebhooks
import svix.webhooks
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from portcall.deliverer.post.request import Template
from portcall.deliverer.post.signatures import MAX_COMMON, Mac
from portcall.management.webhooks.signing import new_secret
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.signatures import PUBLIC_PREFIX, Scheme, public_key
from tests.unit.deliverer.samples import SECRET, headers_of, webhook

BODY = '{"id":"e1","action":"push","target":{"repository":"größe/app"}}'.encode()
ID = delivery_id("an.event.id", 7)
PRIVATE = (
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
)
"""Svix's example of a v1a key, not anybody's."""
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
V1, V1A = new_secret(Scheme.V1), new_secret(Scheme.V1A)
JUDGES = [standardwebhooks.Webhook, svix.webhooks.Webhook]

Headers = Mapping[str, str]


def signed(
    secret: str, *, old: str = "", old_until_s: int = 0, now_s: int | None = None
) -> dict[str, str]:
    """The headers of a request, as they go out."""
    template = Template.of(
        webhook(secret=secret, old_secret=old, old_secret_until_ms=old_until_s * 1000)
    )
    at = int(time.time()) if now_s is None else now_s
    return headers_of(template.request(delivery_id=ID, body=BODY, now_s=at))


@pytest.mark.parametrize("size", [0, 1, 24, 63, 64, 65, 200])
def test_a_prepared_key_signs_each_content_as_the_standard_library_does(size: int) -> None:
    key = bytes(range(size))
    mac = Mac(key)
    for content in (b"", BODY, b"x" * 5_000, BODY):
        right = hmac.digest(key, content, "sha256")
        assert mac.of(content) == right
        for parts in (0, 1, len(content)):
            assert mac.of(content[:parts], content[parts:]) == right
            assert mac.hex_of_common(content, content[:parts]) == right.hex()


def test_of_many_beginnings_of_contents_few_hashes_are_kept() -> None:
    mac = Mac(b"k")
    for number in range(3 * MAX_COMMON):
        common = b"%d" % number
        for content in (common, common + BODY):
            assert mac.hex_of_common(content, common) == hmac.digest(b"k", content, "sha256").hex()
        assert len(mac._begun) <= MAX_COMMON


def verify_v1a(public: str, headers: Headers, body: bytes) -> None:
    """What a consumer of v1a does; there is no library in Python that does it."""
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix(PUBLIC_PREFIX)))
    for each in headers["webhook-signature"].split(" "):
        scheme, _, signature = each.partition(",")
        if scheme == "v1a":
            try:
                return key.verify(base64.b64decode(signature, validate=True), content)
            except InvalidSignature:
                continue
    raise InvalidSignature


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        (SECRET, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        (
            PRIVATE,
            "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
        ),
    ],
    ids=["v1", "v1a"],
)
def test_the_vectors_of_others_come_out(secret: str, expected: str) -> None:
    """Source: the specification's own example header; the tests of Svix's server."""
    request = Template.of(webhook(secret=secret)).request(
        delivery_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        body=b'{"test": 2432232314}',
        now_s=1_614_265_330,
    )
    assert headers_of(request)["webhook-signature"] == expected


def test_the_public_half_of_the_vector_comes_out() -> None:
    assert public_key(PRIVATE) == PUBLIC


@pytest.mark.parametrize("judge", JUDGES)
def test_the_libraries_accept_v1(judge: type[standardwebhooks.Webhook]) -> None:
    judge(V1).verify(BODY, signed(V1))


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize(
    ("body", "changes"),
    [
        (BODY + b" ", {}),
        (BODY.replace(b"push", b"pull"), {}),
        (BODY, {"webhook-id": delivery_id("another", 7)}),
        (BODY, {"webhook-timestamp": str(int(time.time()) + 1)}),
        (BODY, {"webhook-signature": "v1," + base64.b64encode(b"x" * 32).decode()}),
    ],
    ids=["longer", "other-body", "other-id", "other-time", "other-signature"],
)
def test_the_libraries_refuse_what_was_tampered_with(
    judge: type[standardwebhooks.Webhook], body: bytes, changes: Headers
) -> None:
    headers = {**signed(V1, now_s=int(time.time()) - 1), **changes}
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        judge(V1).verify(body, headers)


@pytest.mark.parametrize("judge", JUDGES)
def test_the_libraries_refuse_another_secret(judge: type[standardwebhooks.Webhook]) -> None:
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        judge(new_secret(Scheme.V1)).verify(BODY, signed(V1))


def test_v1a_is_verified_with_the_public_key_alone() -> None:
    verify_v1a(public_key(V1A), signed(V1A), BODY)


@pytest.mark.parametrize(
    ("public", "body", "changes"),
    [
        (public_key(V1A), BODY + b" ", {}),
        (public_key(V1A), BODY, {"webhook-id": "msg_other"}),
        (public_key(V1A), BODY, {"webhook-timestamp": "1"}),
        (public_key(new_secret(Scheme.V1A)), BODY, {}),
    ],
    ids=["body", "id", "time", "key"],
)
def test_v1a_is_refused_where_anything_differs(public: str, body: bytes, changes: Headers) -> None:
    with pytest.raises(InvalidSignature):
        verify_v1a(public, {**signed(V1A), **changes}, body)


@pytest.mark.parametrize("judge", JUDGES)
def test_while_a_secret_is_rotated_both_are_accepted(
    judge: type[standardwebhooks.Webhook],
) -> None:
    old, new = new_secret(Scheme.V1), new_secret(Scheme.V1)
    headers = signed(new, old=old, old_until_s=int(time.time()) + 60)
    assert [each.split(",")[0] for each in headers["webhook-signature"].split(" ")] == ["v1", "v1"]
    judge(new).verify(BODY, headers)
    judge(old).verify(BODY, headers)


@pytest.mark.parametrize("judge", JUDGES)
def test_both_schemes_stand_side_by_side_while_one_follows_the_other(
    judge: type[standardwebhooks.Webhook],
) -> None:
    headers = signed(V1A, old=V1, old_until_s=int(time.time()) + 60)
    judge(V1).verify(BODY, headers)
    verify_v1a(public_key(V1A), headers, BODY)
    headers = signed(V1, old=V1A, old_until_s=int(time.time()) + 60)
    judge(V1).verify(BODY, headers)
    verify_v1a(public_key(V1A), headers, BODY)


@pytest.mark.parametrize(("second", "signatures"), [(-1, 2), (0, 1), (1, 1)])
def test_the_old_secret_ends_by_time(second: int, signatures: int) -> None:
    until_s = 1_772_619_630
    headers = signed(V1, old=SECRET, old_until_s=until_s, now_s=until_s + second)
    assert len(headers["webhook-signature"].split(" ")) == signatures


def test_an_unsigned_webhook_has_no_signature_even_after_a_rotation() -> None:
    headers = signed("", old=V1, old_until_s=int(time.time()) + 60)
    assert "webhook-signature" not in headers


def test_a_new_key_is_never_made_twice() -> None:
    assert len({new_secret(scheme) for scheme in (Scheme.V1, Scheme.V1A) for _ in range(50)}) == 100
