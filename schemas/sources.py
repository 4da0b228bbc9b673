"""Sources: where a registry's events come from, in which form, and how a sender proves itself.

A source belongs to a registry and has an address of its own. Its kind decides how a body is read,
its proof decides which requests are authentic.
"""

import ipaddress
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from portcall.schemas.errors import InvalidValueError

MIN_SECRET = 16
"""Characters of a secret that its owner chose."""
MAX_SECRET = 512
MAX_NETWORKS = 50
SECRET_BYTES = 32
"""Of a generated secret: 256 bits, and 43 characters that need no escape in a path or a header."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?", re.ASCII)
_PRINTABLE = re.compile(r"[\x21-\x7e]+(?: [\x21-\x7e]+)*")
_IN_PATH = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)


class SourceKind(StrEnum):
    """The product that sends; generic: any JSON."""

    DISTRIBUTION = "distribution"
    HARBOR = "harbor"
    GHCR = "ghcr"
    DOCKERHUB = "dockerhub"
    QUAY = "quay"
    GITLAB = "gitlab"
    ZOT = "zot"
    GITEA = "gitea"
    FORGEJO = "forgejo"
    ACR = "acr"
    EVENTGRID = "eventgrid"
    ECR = "ecr"
    GAR = "gar"
    ARTIFACTORY = "artifactory"
    NEXUS = "nexus"
    ALIBABA = "alibaba"
    HARNESS = "harness"
    GENERIC = "generic"


class Proof(StrEnum):
    """How a request shows that its sender knows the secret."""

    BEARER = "bearer"
    """``Authorization: Bearer <secret>``."""
    AUTHORIZATION = "authorization"
    """The secret is the whole value of ``Authorization``."""
    BASIC = "basic"
    """A user name and the secret as its password."""
    HEADER = "header"
    """The secret is the value of another header."""
    PATH = "path"
    """The secret is the last segment of the address."""
    HMAC_SHA256 = "hmac_sha256"
    """A header has the HMAC of the body, in hex or in base64."""
    HMAC_SHA1 = "hmac_sha1"
    OIDC = "oidc"
    """A token that an issuer signed; there is no secret."""
    CLIENT_CERTIFICATE = "client_certificate"
    """A certificate of an authority, in a TLS connection with Portcall itself; no secret either."""


DEFAULT_PROOFS: Mapping[SourceKind, Proof] = {
    SourceKind.DISTRIBUTION: Proof.BEARER,
    SourceKind.HARBOR: Proof.AUTHORIZATION,
    SourceKind.GHCR: Proof.HMAC_SHA256,
    SourceKind.DOCKERHUB: Proof.PATH,
    SourceKind.QUAY: Proof.PATH,
    SourceKind.GITLAB: Proof.AUTHORIZATION,
    SourceKind.ZOT: Proof.BEARER,
    SourceKind.GITEA: Proof.HMAC_SHA256,
    SourceKind.FORGEJO: Proof.HMAC_SHA256,
    SourceKind.ACR: Proof.BEARER,
    SourceKind.EVENTGRID: Proof.PATH,
    SourceKind.ECR: Proof.BEARER,
    SourceKind.GAR: Proof.OIDC,
    SourceKind.ARTIFACTORY: Proof.HEADER,
    SourceKind.NEXUS: Proof.HMAC_SHA1,
    SourceKind.ALIBABA: Proof.PATH,
    SourceKind.HARNESS: Proof.HMAC_SHA256,
    SourceKind.GENERIC: Proof.BEARER,
}
"""The usual proof of each kind. Source: the vendors' documentation and code."""

NOTIFIERS = frozenset({SourceKind.DISTRIBUTION, SourceKind.GITLAB})
"""Kinds that send docker distribution's notifications: a body of any size, which is read as it
arrives. They sign nothing, so no proof of theirs is over the body."""

HEADERS: Mapping[tuple[SourceKind, Proof], tuple[str, str]] = {
    (SourceKind.GHCR, Proof.HMAC_SHA256): ("X-Hub-Signature-256", "sha256="),
    (SourceKind.GITEA, Proof.HMAC_SHA256): ("X-Gitea-Signature", ""),
    (SourceKind.FORGEJO, Proof.HMAC_SHA256): ("X-Forgejo-Signature", ""),
    (SourceKind.ARTIFACTORY, Proof.HMAC_SHA256): ("X-JFrog-Event-Auth", ""),
    (SourceKind.ARTIFACTORY, Proof.HEADER): ("X-JFrog-Event-Auth", ""),
    (SourceKind.HARNESS, Proof.HMAC_SHA256): ("X-Harness-Signature", ""),
    (SourceKind.NEXUS, Proof.HMAC_SHA1): ("X-Nexus-Webhook-Signature", ""),
}
"""The header of a proof, and the text in front of its value, where the sender fixes them."""

OVER_BODY = frozenset({Proof.HMAC_SHA256, Proof.HMAC_SHA1})
BASE64 = "base64"
"""The value of the option ``encoding`` for a signature that is not in hex."""
WITHOUT_SECRET = frozenset({Proof.OIDC, Proof.CLIENT_CERTIFICATE})
DEFAULT_USER = "portcall"


@dataclass(frozen=True, slots=True)
class Source:
    """One source, as an intake needs it.

    Attributes:
        registry: The key of its registry.
        name: As created; unique in its registry without regard to case.
        kind: How a body is read.
        proof: Which requests are authentic.
        secrets: The present secret and the previous one, if there are any; none for OIDC.
        options: The settings of its proof and its adapter.
        networks: Where requests may come from; empty: from anywhere.
        problem: Why its secrets are not available; empty: they are.
        previous_until_ms: Until when the previous secret is accepted, milliseconds since the epoch.
        created_ms: When it was created, milliseconds since the epoch.
        heard_ms: When its first request with a valid proof came, likewise; 0: none yet.
    """

    registry: str
    name: str
    kind: SourceKind
    proof: Proof
    secrets: tuple[str, ...] = field(repr=False)
    options: Mapping[str, str]
    networks: tuple[str, ...] = ()
    problem: str = ""
    previous_until_ms: int = 0
    created_ms: int = 0
    heard_ms: int = 0

    def secrets_at(self, at_ms: int) -> tuple[str, ...]:
        """The secrets that are accepted at that time, the newest first."""
        return self.secrets if at_ms < self.previous_until_ms else self.secrets[:1]

    @property
    def header(self) -> tuple[str, str]:
        """The name of its proof's header, and the text in front of the value."""
        return header_of(self.kind, self.proof, self.options)


def header_of(kind: SourceKind, proof: Proof, options: Mapping[str, str]) -> tuple[str, str]:
    """The name of a proof's header, and the text in front of its value; empty: it has none."""
    name, prefix = HEADERS.get((kind, proof), ("", ""))
    return options.get("header", name), options.get("prefix", prefix)


def new_secret() -> str:
    """A new random secret."""
    return secrets.token_urlsafe(SECRET_BYTES)


def check_source_name(name: str) -> str:
    """Check a source's name.

    Raises:
        InvalidValueError: It is not 1 to 50 letters, digits and hyphens.
    """
    if not _NAME.fullmatch(name):
        raise InvalidValueError(
            "name", "must be 1 to 50 letters, digits and hyphens, with no hyphen at an end"
        )
    return name


def check_kind(word: str) -> SourceKind:
    """The kind of that name.

    Raises:
        InvalidValueError: There is none.
    """
    try:
        return SourceKind(word.lower())
    except ValueError as error:
        raise InvalidValueError("kind", f"must be one of {', '.join(SourceKind)}") from error


def check_proof(word: str) -> Proof:
    """The proof of that name.

    Raises:
        InvalidValueError: There is none.
    """
    try:
        return Proof(word.lower())
    except ValueError as error:
        raise InvalidValueError("proof", f"must be one of {', '.join(Proof)}") from error


def check_secret(secret: str, proof: Proof) -> str:
    """Check a secret that its owner chose.

    Raises:
        InvalidValueError: It is too short or too long, or cannot be sent where its proof needs it.
    """
    if not MIN_SECRET <= len(secret) <= MAX_SECRET:
        raise InvalidValueError("secret", f"must have {MIN_SECRET} to {MAX_SECRET} characters")
    if not _PRINTABLE.fullmatch(secret):
        raise InvalidValueError("secret", "must be printable ASCII, with no space at an end")
    if proof is Proof.PATH and not _IN_PATH.fullmatch(secret):
        raise InvalidValueError("secret", "must be letters, digits, and . _ ~ - only, for a path")
    return secret


def check_networks(networks: Sequence[str]) -> tuple[str, ...]:
    """Check allowed networks, and write them in their usual form.

    Raises:
        InvalidValueError: One is not an address or a CIDR, or there are too many.
    """
    if len(networks) > MAX_NETWORKS:
        raise InvalidValueError("networks", f"has more than {MAX_NETWORKS} items")
    found = []
    for index, each in enumerate(networks):
        try:
            network = ipaddress.ip_network(each.strip(), strict=False)
        except ValueError as error:
            problem = "must be an address or a network, such as 10.0.0.0/8"
            raise InvalidValueError(f"networks[{index}]", problem) from error
        if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped:
            problem = "must be written as IPv4: senders are compared by their IPv4 address"
            raise InvalidValueError(f"networks[{index}]", problem)
        found.append(str(network))
    return tuple(dict.fromkeys(found))
