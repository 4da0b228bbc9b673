"""Valid proofs for sample requests: what each sender does with the secret of a source."""

import base64
import hashlib
import hmac
import json
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from portcall.cli.demo.samples import Sample
from portcall.schemas.sources import DEFAULT_USER, Proof, Source

KEY_ID = "demo"
TOKEN_S = 3600
_CLAIMS = {"iss": "https://issuer.example", "aud": "portcall", "email": "push@acme.example"}
_HASHES = {Proof.HMAC_SHA256: hashlib.sha256, Proof.HMAC_SHA1: hashlib.sha1}


class SampleIssuer:
    """Signs tokens as a cloud does, with a key of its own."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)

    def options(self) -> dict[str, str]:
        """The settings of a source that takes these tokens, and needs no network for it."""
        algorithm = jwt.get_algorithm_by_name("RS256")
        public = json.loads(algorithm.to_jwk(self._key.public_key()))
        keys = {"keys": [public | {"kid": KEY_ID, "alg": "RS256", "use": "sig"}]}
        claims = {"issuer": _CLAIMS["iss"], "audience": _CLAIMS["aud"], "email": _CLAIMS["email"]}
        return claims | {"jwks": json.dumps(keys)}

    def token(self) -> str:
        """A token for an hour."""
        claims = _CLAIMS | {"email_verified": True, "exp": int(time.time()) + TOKEN_S}
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_ID})


def headers_of(sample: Sample, source: Source, issuer: SampleIssuer) -> dict[str, str]:
    """The headers of a request with a valid proof; a proof in the path needs none."""
    if source.proof is Proof.PATH:
        return dict(sample.headers)
    name, prefix = source.header
    if source.proof is Proof.HEADER or source.proof in _HASHES:
        return {**sample.headers, name: f"{prefix}{_value(source, sample.body)}"}
    return {**sample.headers, "Authorization": _authorization(source, issuer)}


def _value(source: Source, body: bytes) -> str:
    """The secret, or the signature of a body."""
    (secret,) = source.secrets
    if source.proof not in _HASHES:
        return secret
    return hmac.digest(secret.encode(), body, _HASHES[source.proof]).hex()


def _authorization(source: Source, issuer: SampleIssuer) -> str:
    if source.proof is Proof.OIDC:
        return f"Bearer {issuer.token()}"
    (secret,) = source.secrets
    if source.proof is Proof.BEARER:
        return f"Bearer {secret}"
    if source.proof is Proof.AUTHORIZATION:
        return secret
    user = source.options.get("user", DEFAULT_USER)
    return f"Basic {_base64(f'{user}:{secret}')}"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
