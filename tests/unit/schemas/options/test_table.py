"""Options of sources: each kind and proof takes its own, and an error names the wrong one."""

from pathlib import Path

import pytest

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.options.table import (
    PROOF_OPTIONS,
    check_options,
    options_of_kind,
    options_of_proof,
    repeats_within_s,
)
from portcall.schemas.sources import DEFAULT_PROOFS, Proof, SourceKind
from tests.authorities import authority

OIDC = {"issuer": "https://accounts.test", "audience": "portcall", "email": "push@acme.test"}
KEY = '{"kty": "RSA", "kid": "1", "n": "AQAB", "e": "AQAB"}'


CA = authority("A CA").pem


def check(options: dict[str, str], kind: str = "harbor", proof: str = "bearer") -> dict[str, str]:
    return check_options(options, SourceKind(kind), Proof(proof))


def oidc(**changes: str) -> dict[str, str]:
    return OIDC | changes


@pytest.mark.parametrize(
    ("options", "kind", "proof", "field", "problem"),
    [
        ({}, "distribution", "hmac_sha256", "proof", "signs no bodies"),
        ({}, "gitlab", "hmac_sha1", "proof", "signs no bodies"),
        ({"colour": "x"}, "distribution", "bearer", "options.colour", "allowed are aliases"),
        ({"colour": "x"}, "harbor", "bearer", "options.colour", "allowed are host"),
        ({"utc_ofset": "Z"}, "alibaba", "path", "options.utc_ofset", "did you mean utc_offset?"),
        ({"utc_offset": "Z"}, "harbor", "bearer", "options.utc_offset", "no option of harbor"),
        ({"host": "a"}, "distribution", "bearer", "options.host", "no option of distribution"),
        ({"user": "a"}, "harbor", "bearer", "options.user", "option of the proof basic;"),
        ({"x" * 90: ""}, "harbor", "bearer", f"options.{'x' * 48}", "no option"),
        ({"host": ""}, "harbor", "bearer", "options.host", "leave it out"),
        ({"host": "x" * 16_385}, "harbor", "bearer", "options.host", "at most 16384"),
        ({"repeats": "soon"}, "harbor", "bearer", "options.repeats", "number of seconds"),
        ({"repeats": "601"}, "harbor", "bearer", "options.repeats", "from 0 to 600"),
        ({"ca_bundle": "x"}, "acr", "client_certificate", "options.ca_bundle", "certificate"),
        ({"host": "a\0b"}, "harbor", "bearer", "options.host", "NUL"),
        ({"host": "https://a.test"}, "harbor", "bearer", "options.host", "must be a host"),
        ({"header": "no header"}, "harbor", "header", "options.header", "not the name"),
        ({"header": "Host"}, "harbor", "header", "options.header", "HTTP itself"),
        ({}, "harbor", "header", "options.header", "is required"),
        ({"header": "X", "prefix": " x"}, "acr", "hmac_sha1", "options.prefix", "no space"),
        ({"user": "a:b"}, "harbor", "basic", "options.user", "colon"),
        ({"user": "a\nb"}, "harbor", "basic", "options.user", "control characters"),
        ({"names": "short"}, "nexus", "hmac_sha1", "options.names", "path or bare"),
        ({"repo_keys": " , "}, "artifactory", "header", "options.repo_keys", "with commas"),
        ({"replication": "yes"}, "ecr", "bearer", "options.replication", "push or ignore"),
        ({"aliases": " ,"}, "harbor", "bearer", "options.aliases", "such as =library/"),
        ({"aliases": "a/b"}, "harbor", "bearer", "options.aliases", "write SENT=NAME"),
        ({"aliases": "a/=b"}, "harbor", "bearer", "options.aliases", "write SENT=NAME"),
        ({"aliases": "a=b/"}, "harbor", "bearer", "options.aliases", "write SENT=NAME"),
        ({"aliases": "a="}, "harbor", "bearer", "options.aliases", "write SENT=NAME"),
        ({"aliases": "="}, "harbor", "bearer", "options.aliases", "write SENT=NAME"),
        ({"aliases": "=up//"}, "harbor", "bearer", "options.aliases", "not a repository name"),
        ({"aliases": "a=b," * 51}, "harbor", "bearer", "options.aliases", "more than 50"),
        ({"tag_deletes": "yes"}, "zot", "bearer", "options.tag_deletes", "event or ignore"),
        ({"tag_deletes": "event"}, "quay", "path", "options.tag_deletes", "no option of quay"),
        (
            {"header": "X", "encoding": "hex64"},
            *("acr", "hmac_sha1", "options.encoding", "hex or base64"),
        ),
        ({"encoding": "hex"}, "acr", "bearer", "options.encoding", "hmac_sha256 or hmac_sha1"),
        (
            {"ca_bundle": CA, "name": "CN=a", "revoked": "no"},
            *("acr", "client_certificate", "options.revoked", "openssl x509 -serial"),
        ),
        (
            {"ca_bundle": CA, "name": "CN=a", "revoked": " , "},
            *("acr", "client_certificate", "options.revoked", "with commas between them"),
        ),
        ({"utc_offset": "+8"}, "alibaba", "path", "options.utc_offset", "such as +08:00"),
        ({}, "generic", "bearer", "options.repository", "is required"),
        ({"repository": ""}, "generic", "bearer", "options.repository", "must not be empty"),
        ({"repository": "a."}, "generic", "bearer", "options.repository", "is incomplete"),
        ({"repository": "a", "tag": "a b"}, "generic", "bearer", "options.tag", "character 3"),
        ({"repository": "a", "events": "{a: b}"}, "generic", "path", "options.events", "{...}"),
        ({"repository": "a", "actions": "x=y"}, "generic", "path", "options.actions", "one of"),
        ({}, "gar", "oidc", "options.issuer", "is required: who signs"),
        (oidc(issuer=""), "gar", "oidc", "options.issuer", "must not be empty"),
        (oidc(audience=""), "gar", "oidc", "options.audience", "must not be empty"),
        (oidc(email=""), "gar", "oidc", "options.email", "must not be empty"),
        (oidc(issuer="https://[bad"), "gar", "oidc", "options.issuer", "not a URL"),
        (oidc(issuer="http://accounts.test"), "gar", "oidc", "options.issuer", "https"),
        (oidc(issuer="https://accounts.test?a=b"), "gar", "oidc", "options.issuer", "query"),
        (oidc(issuer="https://me@accounts.test"), "gar", "oidc", "options.issuer", "user"),
        (oidc(jwks="{"), "gar", "oidc", "options.jwks", "not JSON"),
        (oidc(jwks="[" * 200 + "]" * 200), "gar", "oidc", "options.jwks", "nested too deeply"),
        (oidc(jwks="[]"), "gar", "oidc", "options.jwks", "must be a set"),
        (oidc(jwks='{"keys": []}'), "gar", "oidc", "options.jwks", "1 to 100 keys"),
        (oidc(jwks="https://a.test/keys"), "gar", "oidc", "options.jwks", "not their address"),
        (oidc(jwks='{"keys": [{"kty": "oct"}]}'), "gar", "oidc", "options.jwks", "RSA or EC"),
        (oidc(jwks='{"keys": [{"kty": "EC"}]}'), "gar", "oidc", "options.jwks", "must have a kid"),
        (
            oidc(jwks='{"keys": [{"kty": "EC", "kid": "1", "d": "AA"}]}'),
            *("gar", "oidc", "options.jwks", "private key"),
        ),
    ],
)
def test_an_error_names_the_option_and_what_would_be_right(
    options: dict[str, str], kind: str, proof: str, field: str, problem: str
) -> None:
    with pytest.raises(InvalidValueError) as caught:
        check(options, kind, proof)
    assert caught.value.field == field
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    ("options", "kind", "proof"),
    [
        ({"user": "push"}, "harbor", "basic"),
        ({"host": "registry.acme.test:5000"}, "zot", "bearer"),
        ({"host": "[2001:db8::1]:5000"}, "zot", "bearer"),
        ({"header": "X-Hub-Signature", "prefix": ""}, "ghcr", "hmac_sha256"),
        ({"names": "bare", "repo_keys": "docker-local, docker-prod"}, "artifactory", "header"),
        ({"utc_offset": "-03:30"}, "alibaba", "path"),
        ({"aliases": "=library/, mirror/hub/=, old/app=team/app"}, "distribution", "bearer"),
        ({"tag_deletes": "event"}, "zot", "bearer"),
        ({"ca_bundle": CA, "name": "CN=a", "revoked": "0a:FF, 1"}, "zot", "client_certificate"),
        ({"header": "X-Sig", "encoding": "base64"}, "acr", "hmac_sha256"),
        ({"repository": "join('/', [a, b])", "actions": "made=push,"}, "generic", "bearer"),
        (oidc(issuer="http://127.0.0.1:8080", jwks=f'{{"keys": [{KEY}]}}'), "gar", "oidc"),
    ],
)
def test_what_is_right_is_given_back(options: dict[str, str], kind: str, proof: str) -> None:
    assert check(options, kind, proof) == options


@pytest.mark.parametrize("kind", SourceKind)
def test_the_usual_proof_needs_only_what_it_names(kind: SourceKind) -> None:
    proof = DEFAULT_PROOFS[kind]
    given = OIDC if proof is Proof.OIDC else {}
    own = {"repository": "repository"} if kind is SourceKind.GENERIC else {}
    assert check(given | own, kind, proof) == given | own


def test_no_option_is_both_the_kinds_and_the_proofs() -> None:
    for kind in SourceKind:
        assert not PROOF_OPTIONS & {option.name for option in options_of_kind(kind)}


def rows() -> list[str]:
    """The lines of the overview's table: one for each option, with what takes it."""
    takers: dict[tuple[str, str], list[str]] = {}
    for proof in Proof:
        for option in options_of_proof(proof, SourceKind.GENERIC):
            takers.setdefault((option.name, option.says), []).append(proof)
    for kind in SourceKind:
        for option in options_of_kind(kind):
            takers.setdefault((option.name, option.says), []).append(kind)
    return [
        f"| `{name}` | {', '.join(f'`{taker}`' for taker in of)} | {says} |"
        for (name, says), of in takers.items()
    ]


def test_the_overview_has_the_table() -> None:
    page = (Path(__file__).parents[4] / "docs" / "sources.md").read_text()
    assert "\n".join(rows()) in page


def test_equal_events_are_repeats_for_a_time_of_the_kind_or_of_the_source() -> None:
    assert repeats_within_s(SourceKind.HARBOR, {}) > 0
    assert repeats_within_s(SourceKind.DISTRIBUTION, {}) == 0
    assert repeats_within_s(SourceKind.HARBOR, {"repeats": "0"}) == 0
    assert repeats_within_s(SourceKind.GENERIC, check({"repeats": "30"})) == 30
