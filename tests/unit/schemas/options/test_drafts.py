"""Wanted sources: all rules together, and what stays when the proof changes."""

import pytest

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.options.checks import MAX_WORDS, action_words
from portcall.schemas.options.drafts import draft_of
from portcall.schemas.options.table import check_kind_options, kept_options
from portcall.schemas.sources import Proof, SourceKind

SECRET = "a-secret-of-the-tests"  # noqa: S105
OIDC = {"issuer": "https://accounts.test", "audience": "us", "email": "push@acme.test"}


def test_what_is_left_out_has_its_default() -> None:
    draft = draft_of("Harbor", None, None, None)
    assert (draft.kind, draft.proof) == (SourceKind.HARBOR, Proof.AUTHORIZATION)
    assert (draft.options, draft.networks) == ({}, ())


def test_what_is_wanted_is_kept() -> None:
    draft = draft_of("zot", "basic", {"user": "zot"}, ["10.1.2.3/8"], SECRET)
    assert (draft.proof, draft.options) == (Proof.BASIC, {"user": "zot"})
    assert draft.networks == ("10.0.0.0/8",)


@pytest.mark.parametrize(
    ("kind", "proof", "options", "networks", "secret", "field"),
    [
        ("svn", None, None, None, None, "kind"),
        ("zot", "trust", None, None, None, "proof"),
        ("zot", None, {"user": "x"}, None, None, "options.user"),
        ("zot", None, None, ["x"], None, "networks[0]"),
        ("zot", None, None, None, "short", "secret"),
        ("zot", "path", None, None, f"{SECRET}/x", "secret"),
        ("gar", None, OIDC, None, SECRET, "secret"),
    ],
)
def test_each_rule_names_its_field(  # noqa: PLR0917 (a row of the table)
    kind: str,
    proof: str | None,
    options: dict[str, str] | None,
    networks: list[str] | None,
    secret: str | None,
    field: str,
) -> None:
    with pytest.raises(InvalidValueError) as caught:
        draft_of(kind, proof, options, networks, secret)
    assert caught.value.field == field


def test_another_proof_ends_the_options_of_the_previous_one() -> None:
    options = {"header": "X-A", "prefix": "k=", "host": "acme.test"}
    kept = {proof: kept_options(options, SourceKind.ZOT, proof) for proof in Proof}
    assert kept[Proof.HMAC_SHA1] == options
    assert kept[Proof.BEARER] == kept[Proof.OIDC] == {"host": "acme.test"}


def test_a_kind_alone_takes_no_options_of_a_proof() -> None:
    assert check_kind_options({"host": "a.test"}, SourceKind.ZOT) == {"host": "a.test"}
    with pytest.raises(InvalidValueError, match=r"options\.user: is no option of zot; allowed are"):
        check_kind_options({"user": "x"}, SourceKind.ZOT)


def test_words_for_actions_are_limited() -> None:
    assert action_words(" Made = push ,") == {"made": "push"}
    with pytest.raises(InvalidValueError, match=f"more than {MAX_WORDS} words"):
        action_words("a=push," * (MAX_WORDS + 1))
