"""Signatures and secrets as senders write them, against the handbook's vectors."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from portcall.producer.http.paths import shown_path
from portcall.producer.sources.proofs.signed import is_signed, signature_of
from portcall.producer.sources.proofs.static import is_any
from portcall.schemas.sources import DEFAULT_PROOFS, Proof, Source, SourceKind

SECRET, BODY = "it-is-a-secret", b'{"a":1}'
SHA256 = "55c96566e44db4fe538c9826fd9850742a902d2303fda5917f6384202584ab69"
SHA1 = "3cd03138213013a02ba9e3e101224d5d5d51b78c"
GITHUB, GITEA, NEXUS = "X-Hub-Signature-256", "X-Gitea-Signature", "X-Nexus-Webhook-Signature"


BASE64_256 = "VcllZuRNtP5TjJgm/ZhQdCqQLSMD/aWRf2OEICWEq2k="
BASE64_1 = "PNAxOCEwE6ArqePhASJNXV1Rt4w="


def is_right(
    kind: SourceKind, *headers: tuple[str, str], body: bytes = BODY, encoding: str = "hex"
) -> bool:
    proof = Proof.HMAC_SHA256 if kind is SourceKind.ARTIFACTORY else DEFAULT_PROOFS[kind]
    source = Source("myregistry", "here", kind, proof, (SECRET,), {"encoding": encoding})
    signature = signature_of(source, CIMultiDictProxy(CIMultiDict(headers)))
    return bool(signature) and is_signed(source, ["another", SECRET], signature, body)


@pytest.mark.parametrize(
    ("kind", "header", "value"),
    [
        (SourceKind.GHCR, GITHUB, f"sha256={SHA256}"),
        (SourceKind.GITEA, GITEA, SHA256),
        (SourceKind.FORGEJO, "X-Forgejo-Signature", SHA256),
        (SourceKind.ARTIFACTORY, "X-JFrog-Event-Auth", SHA256),
        (SourceKind.HARNESS, "X-Harness-Signature", SHA256),
        (SourceKind.NEXUS, NEXUS, SHA1),
        (SourceKind.NEXUS, NEXUS, SHA1.upper()),
    ],
)
def test_vectors(kind: SourceKind, header: str, value: str) -> None:
    assert is_right(kind, (header, value))
    assert not is_right(kind, (header, value), body=BODY + b"\n")
    assert not is_right(kind, (header, value[:-1] + "0"))


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        (SourceKind.GHCR, []),
        (SourceKind.GHCR, [(GITHUB, SHA256)]),
        (SourceKind.GHCR, [(GITHUB, f"sha1={SHA256}")]),
        (SourceKind.GHCR, [(GITHUB, "sha256=")]),
        (SourceKind.GITEA, [(GITEA, "")]),
        (SourceKind.GITEA, [(GITEA, SHA256), (GITEA, SHA256)]),
        (SourceKind.GITEA, [(GITEA, SHA1)]),
        (SourceKind.NEXUS, [(NEXUS, "ä" * 40)]),
    ],
)
def test_refused(kind: SourceKind, headers: list[tuple[str, str]]) -> None:
    assert not is_right(kind, *headers)


@pytest.mark.parametrize(
    ("kind", "header", "value"),
    [
        (SourceKind.GHCR, GITHUB, f"sha256={BASE64_256}"),
        (SourceKind.GITEA, GITEA, BASE64_256),
        (SourceKind.GITEA, GITEA, BASE64_256.rstrip("=")),
        (SourceKind.NEXUS, NEXUS, BASE64_1),
    ],
)
def test_a_signature_may_be_in_base64(kind: SourceKind, header: str, value: str) -> None:
    assert is_right(kind, (header, value), encoding="base64")
    assert not is_right(kind, (header, value), encoding="base64", body=BODY + b"\n")
    assert not is_right(kind, (header, value))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "=",
        SHA256,
        BASE64_1,
        BASE64_256.swapcase(),
        BASE64_256.replace("/", "_"),
        f" {BASE64_256[:20]} {BASE64_256[21:]}",
        "ä" * 43,
        "A" * 43,
        BASE64_256 * 2,
    ],
)
def test_what_is_no_base64_of_it_is_refused(value: str) -> None:
    assert not is_right(SourceKind.GITEA, (GITEA, value), encoding="base64")


def test_an_empty_secret_is_never_right() -> None:
    assert not is_any("", [""])
    assert not is_any("", [])


def test_a_path_is_shown_without_its_secret() -> None:
    assert shown_path("/registries/a/sources/b/hush/x") == "/registries/a/sources/b/***"
    assert shown_path("/registries/a/sources/b") == "/registries/a/sources/b"
