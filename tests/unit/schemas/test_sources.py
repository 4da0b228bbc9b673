"""Sources: what may be set, and which field an error names."""

from collections.abc import Callable

import pytest

from portcall.schemas import sources
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.sources import Proof, Source, SourceKind


def secret(text: str, proof: str = "bearer") -> Callable[[], object]:
    return lambda: sources.check_secret(text, Proof(proof))


@pytest.mark.parametrize(
    ("check", "field"),
    [
        (lambda: sources.check_source_name("-a"), "name"),
        (lambda: sources.check_source_name("a" * 51), "name"),
        (lambda: sources.check_kind("svn"), "kind"),
        (lambda: sources.check_proof("trust"), "proof"),
        (secret("x" * 15), "secret"),
        (secret("x" * 513), "secret"),
        (secret("with a space at an end "), "secret"),
        (secret("not/in/a/path/segment", "path"), "secret"),
        (lambda: sources.check_networks(["10.0.0.0/8"] * 51), "networks"),
        (lambda: sources.check_networks(["10.0.0.0/8", "here"]), "networks[1]"),
        (lambda: sources.check_networks(["::ffff:10.0.0.0/104"]), "networks[0]"),
    ],
)
def test_an_error_names_the_field(check: Callable[[], object], field: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        check()
    assert caught.value.field == field


def test_what_is_right_is_given_back() -> None:
    assert sources.check_source_name("Main-1") == "Main-1"
    assert sources.check_kind("Harbor") is SourceKind.HARBOR
    assert sources.check_proof("HMAC_sha1") is Proof.HMAC_SHA1
    made = sources.new_secret()
    assert sources.check_secret(made, Proof.PATH) == made
    assert sources.check_networks([" 10.1.2.3/8 ", "::1", "::1"]) == ("10.0.0.0/8", "::1/128")


def test_the_previous_secret_is_accepted_for_a_while() -> None:
    source = Source(
        "acme",
        "main",
        SourceKind.GHCR,
        Proof.HMAC_SHA256,
        ("new", "old"),
        {"prefix": "hex="},
        previous_until_ms=1_000,
    )
    assert source.secrets_at(999) == ("new", "old")
    assert source.secrets_at(1_000) == ("new",)
    assert source.header == ("X-Hub-Signature-256", "hex=")
    assert "new" not in repr(source)
