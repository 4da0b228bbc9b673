"""Signatures, verified by the libraries that consumers use, by code of the tests, and by the sink."""

import base64
import hashlib
import hmac
import sys
import time
from collections.abc import Callable

import pytest
import standardwebhooks
import svix.webhooks
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from portcall.loadtest.signing import Forgery, Signing, Style
from portcall.loadtest.sink.verifying import SinkKeys, delivery_id, objection, style_of
from portcall.management.webhooks.signing import new_secret
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.signatures import Scheme, public_key

ID, BODY = "0b6f3a52-6a2e-4a56-9d0f-5b8f6d1f7a01", '{"id":"größe"}'.encode()
SHARED, PRIVATE = new_secret(Scheme.V1), new_secret(Scheme.V1A)
TEXT = "it's a secret to everybody"
NOW = int(time.time())
SIGNED = [
    (Style.STANDARD, SHARED, [SHARED]),
    (Style.STANDARD, PRIVATE, [public_key(PRIVATE)]),
    (Style.STANDARD, PRIVATE, [PRIVATE]),
    (Style.SVIX, SHARED, [SHARED]),
    (Style.GITHUB, TEXT, [TEXT]),
    (Style.STRIPE, TEXT, [TEXT]),
    (Style.STRIPE, SHARED, ["other", SHARED]),
    (Style.OUTPOST, TEXT, [TEXT]),
    (Style.CONVOY, TEXT, [TEXT]),
]
IDS = ["v1", "v1a", "v1a by its private half", "svix", "github", "stripe", "stripe with whsec"]
IDS += ["outpost", "convoy"]


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The libraries take no signature that is five minutes old, as ours would be in a slow run."""
    monkeypatch.setattr(sys.modules[__name__], "NOW", int(time.time()))


def headers_of(
    style: Style, secret: str, forgery: Forgery = Forgery.NONE, nth: int = 0, body: bytes = BODY
) -> dict[str, str]:
    made = Signing.of(style, secret).headers(ID, body, NOW, forgery, nth)
    assert len({name for name, _ in made}) == len(made)
    return {name.lower(): value for name, value in made}


def test_standard_webhooks_own_library_accepts_v1() -> None:
    standardwebhooks.Webhook(SHARED).verify(BODY, headers_of(Style.STANDARD, SHARED))


def test_svix_s_own_library_accepts_its_headers() -> None:
    svix.webhooks.Webhook(SHARED).verify(BODY, headers_of(Style.SVIX, SHARED))


def test_v1a_is_verified_by_its_public_key() -> None:
    headers = headers_of(Style.STANDARD, PRIVATE)
    scheme, _, text = headers["webhook-signature"].partition(",")
    assert scheme == "v1a"
    key = base64.b64decode(public_key(PRIVATE).removeprefix("whpk_"))
    content = f"{ID}.{NOW}.".encode() + BODY
    Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(text), content)
    with pytest.raises(InvalidSignature):
        Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(text), content + b" ")


def test_github_s_example_comes_out() -> None:
    """Source: GitHub's "Validating webhook deliveries", its values to test with."""
    headers = headers_of(Style.GITHUB, "It's a Secret to Everybody", body=b"Hello, World!")
    assert (
        headers["x-hub-signature-256"]
        == "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    )
    assert headers["x-github-delivery"] == ID


def test_stripe_s_header_is_what_its_page_says() -> None:
    header = headers_of(Style.STRIPE, TEXT)["stripe-signature"]
    digest = hmac.new(TEXT.encode(), f"{NOW}.".encode() + BODY, hashlib.sha256).hexdigest()
    assert header == f"t={NOW},v1={digest}"


def test_convoy_s_published_vector_comes_out() -> None:
    """Source: frain-dev/convoy, pkg/signature/testdata, advanced_sha256_hex_valid."""
    body = b'{"event":"charge.success","amount":1000,"currency":"NGN"}'
    signing = Signing.of(Style.CONVOY, "convoy-webhook-secret")
    headers = dict(signing.headers(ID, body, 1_700_000_000))
    assert headers["X-Convoy-Signature"] == (
        "t=1700000000,v1=77b8b9269f25a199846a55a2bd25b3fba151c70fdae60bb1dcd87fbbc943c55c"
    )


def test_outpost_s_header_is_over_the_body_alone() -> None:
    headers = headers_of(Style.OUTPOST, TEXT)
    digest = hmac.new(TEXT.encode(), BODY, hashlib.sha256).hexdigest()
    assert headers["x-outpost-signature"] == f"v0={digest}"
    assert headers["x-outpost-event-id"] == ID


@pytest.mark.parametrize("style", [Style.OUTPOST, Style.CONVOY])
def test_the_others_have_two_signatures_while_a_secret_is_rotated(style: Style) -> None:
    rotated = headers_of(style, TEXT, Forgery.ROTATED)
    (name,) = [name for name in rotated if "signature" in name]
    assert rotated[name].count(",") == headers_of(style, TEXT)[name].count(",") + 1
    assert objection(SinkKeys.of([TEXT]), rotated, BODY, NOW) == ""


@pytest.mark.parametrize("lacking", ["webhook-id", "webhook-timestamp"])
def test_some_malformed_headers_lack_one(lacking: str) -> None:
    made = [headers_of(Style.STANDARD, SHARED, Forgery.MALFORMED, nth) for nth in range(16)]
    assert [lacking in each for each in made].count(False) == 1


@pytest.mark.parametrize(("style", "secret", "trusted"), SIGNED, ids=IDS)
def test_the_sink_believes_what_is_right(style: Style, secret: str, trusted: list[str]) -> None:
    headers = headers_of(style, secret)
    assert style_of(headers) is style
    assert delivery_id(headers) == ID
    assert objection(SinkKeys.of(trusted), headers, BODY, NOW) == ""


@pytest.mark.parametrize(("style", "secret", "trusted"), SIGNED, ids=IDS)
@pytest.mark.parametrize(
    "forgery",
    [Forgery.WRONG, Forgery.MISSING, Forgery.EXPIRED, Forgery.FUTURE],
)
def test_the_sink_believes_nothing_that_is_forged(
    style: Style, secret: str, trusted: list[str], forgery: Forgery
) -> None:
    headers = headers_of(style, secret, forgery)
    timeless = not style.stamped and forgery in {Forgery.EXPIRED, Forgery.FUTURE}
    assert bool(objection(SinkKeys.of(trusted), headers, BODY, NOW)) is not timeless


@pytest.mark.parametrize(("style", "secret", "trusted"), SIGNED, ids=IDS)
def test_the_sink_believes_no_other_body(style: Style, secret: str, trusted: list[str]) -> None:
    assert objection(SinkKeys.of(trusted), headers_of(style, secret), BODY + b" ", NOW)


@pytest.mark.parametrize(("style", "secret", "trusted"), SIGNED, ids=IDS)
def test_the_sink_answers_to_every_malformed_header(
    style: Style, secret: str, trusted: list[str]
) -> None:
    for nth in range(20):
        headers = headers_of(style, secret, Forgery.MALFORMED, nth)
        assert objection(SinkKeys.of(trusted), headers, BODY, NOW), headers


@pytest.mark.parametrize("nth", range(16))
def test_no_malformed_header_is_taken_by_the_libraries(nth: int) -> None:
    headers = headers_of(Style.STANDARD, SHARED, Forgery.MALFORMED, nth)
    with pytest.raises((standardwebhooks.WebhookVerificationError, ValueError)):
        standardwebhooks.Webhook(SHARED).verify(BODY, headers)


@pytest.mark.parametrize(
    ("style", "secret", "verify"),
    [
        (Style.STANDARD, SHARED, standardwebhooks.Webhook(SHARED).verify),
        (Style.SVIX, SHARED, svix.webhooks.Webhook(SHARED).verify),
    ],
    ids=["standard", "svix"],
)
def test_while_a_secret_is_rotated_either_is_accepted(
    style: Style, secret: str, verify: Callable[[bytes, dict[str, str]], object]
) -> None:
    headers = headers_of(style, secret, Forgery.ROTATED)
    first, second = next(value for name, value in headers.items() if "signature" in name).split(" ")
    assert first != second
    verify(BODY, headers)
    assert objection(SinkKeys.of([secret]), headers, BODY, NOW) == ""


def test_stripe_s_rotation_has_two_signatures() -> None:
    headers = headers_of(Style.STRIPE, TEXT, Forgery.ROTATED)
    assert headers["stripe-signature"].count("v1=") == 2
    assert objection(SinkKeys.of([TEXT]), headers, BODY, NOW) == ""


def test_each_attempt_is_signed_at_its_own_time() -> None:
    signing = Signing.of(Style.STANDARD, SHARED)
    first, second = (dict(signing.headers(ID, BODY, NOW + later)) for later in (0, 60))
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 60
    assert first["webhook-signature"] != second["webhook-signature"]


@pytest.mark.parametrize("style", Style)
def test_without_a_secret_there_is_no_signature(style: Style) -> None:
    headers = headers_of(style, "")
    assert style_of(headers) is None
    assert delivery_id(headers) == ID


@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize("nth", range(20))
def test_every_header_can_be_sent(style: Style, nth: int) -> None:
    for value in headers_of(style, SHARED, Forgery.MALFORMED, nth).values():
        value.encode("latin-1")
        assert "\r" not in value
        assert "\n" not in value


@pytest.mark.parametrize(
    ("style", "secret"),
    [
        (Style.STANDARD, "plain"),
        (Style.SVIX, "whsec_!!"),
        (Style.STANDARD, "whsk_AAAA"),
        (Style.GITHUB, "ü"),
    ],
)
def test_a_secret_that_does_not_fit_is_refused(style: Style, secret: str) -> None:
    with pytest.raises(InvalidValueError, match="--secret"):
        Signing.of(style, secret)


@pytest.mark.parametrize("secret", ["whsk_AAAA", "whpk_AAAA"])
def test_the_sink_refuses_a_key_that_is_none(secret: str) -> None:
    with pytest.raises(InvalidValueError, match="--secret"):
        SinkKeys.of([secret])


def test_stripe_s_secrets_begin_like_others_and_need_be_no_base64() -> None:
    secret = "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH"[:-1]
    headers = headers_of(Style.STRIPE, secret)
    assert objection(SinkKeys.of([secret]), headers, BODY, NOW) == ""
