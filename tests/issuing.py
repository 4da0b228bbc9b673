"""An issuer of tokens for tests: its keys, its documents, and the tokens that it signs."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from portcall.schemas.sources import Proof, Source, SourceKind

AUDIENCE, EMAIL = "https://portcall.example/here", "pusher@acme-prj.iam.gserviceaccount.com"
Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Signer:
    """A private key with an id and an algorithm."""

    kid: str
    algorithm: str
    key: Private

    @property
    def jwk(self) -> dict[str, Any]:
        made = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.key.public_key(), as_dict=True)
        return {**made, "kid": self.kid, "alg": self.algorithm, "use": "sig", "key_ops": ["verify"]}

    @property
    def public_pem(self) -> bytes:
        encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        pem: bytes = self.key.public_key().public_bytes(encoding, form)
        return pem

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:  # noqa: ANN401 (JSON)
        payload, head = json.dumps(claims).encode(), {"kid": self.kid, **header}
        return jwt.PyJWS().encode(payload, self.key, algorithm=self.algorithm, headers=head)


def rsa_signer(kid: str = "rsa-1", algorithm: str = "RS256", bits: int = 2048) -> Signer:
    return Signer(kid, algorithm, rsa.generate_private_key(public_exponent=65537, key_size=bits))


def ec_signer(kid: str = "ec-1", algorithm: str = "ES256") -> Signer:
    curve = ec.SECP256R1() if algorithm == "ES256" else ec.SECP384R1()
    return Signer(kid, algorithm, ec.generate_private_key(curve))


def key_set(*signers: Signer) -> str:
    return json.dumps({"keys": [each.jwk for each in signers]})


def claims(issuer: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON)
    """The claims of Pub/Sub's tokens; a change to None removes one."""
    now_s = int(time.time())
    made = {
        "iss": issuer,
        "aud": AUDIENCE,
        "azp": "113774264463038321964",
        "sub": "113774264463038321964",
        "email": EMAIL,
        "email_verified": True,
        "iat": now_s,
        "exp": now_s + 3600,
    } | changes
    return {name: value for name, value in made.items() if value is not None}


def token_source(issuer: str, **options: str) -> Source:
    wanted = {"issuer": issuer, "audience": AUDIENCE, "email": EMAIL} | options
    return Source("myregistry", "here", SourceKind.GAR, Proof.OIDC, (), wanted)


@dataclass
class FakeIssuer:
    """Answers for its two documents, and counts the requests.

    Attributes:
        name: Its ``iss``.
        signers: Whose keys it lists.
        problem: Raised in place of an answer.
        asked: The addresses that were asked for.
    """

    name: str
    signers: list[Signer]
    problem: Exception | None = None
    asked: list[str] = field(default_factory=list)
    keys_at: str = ""

    @property
    def configuration(self) -> bytes:
        at = self.keys_at or f"{self.name.rstrip('/')}/keys"
        return json.dumps({"issuer": self.name, "jwks_uri": at}).encode()

    async def fetch(self, address: str) -> bytes:
        self.asked.append(address)
        if self.problem is not None:
            raise self.problem
        if address.endswith("/.well-known/openid-configuration"):
            return self.configuration
        return key_set(*self.signers).encode()
