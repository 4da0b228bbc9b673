"""Verifying requests of a source, in two steps: what needs no body, and what does.

A request without a proof is refused before its body is read, and gets the same answer for a wrong
secret as for none.
"""

import datetime as dt
import ipaddress
from collections.abc import Sequence

from aiohttp import web

from portcall.producer.http.errors import ForbiddenError, UnavailableError, UnprovenError
from portcall.producer.sources.proofs.certificates import certificate_of, is_certified
from portcall.producer.sources.proofs.issuers import KeysUnavailableError
from portcall.producer.sources.proofs.proven import ProvenTokens
from portcall.producer.sources.proofs.signed import ALGORITHMS, is_signed, signature_of
from portcall.producer.sources.proofs.static import bearer_token, is_proven
from portcall.producer.sources.proofs.tokens import TokenProofs
from portcall.runtime.clock import now_ms
from portcall.schemas.sources import Proof, Source


class Verifier:
    """Verifies requests.

    Args:
        tokens: Checks the tokens of issuers.
    """

    def __init__(self, tokens: TokenProofs) -> None:
        self._tokens = tokens
        self._proven = ProvenTokens()

    async def check_head(self, source: Source, request: web.Request) -> None:
        """Check everything that needs no body.

        Raises:
            ForbiddenError: The request is from a network that is not allowed.
            UnprovenError: It has no valid proof; or none that a body could make valid.
            UnavailableError: The keys of the issuer cannot be fetched.
        """
        check_network(source.networks, request.remote)
        in_path = request.match_info.get("secret", "")
        if bool(in_path) is not (source.proof is Proof.PATH):
            raise UnprovenError(_wanted(source))
        if source.proof in ALGORITHMS:
            is_right = bool(signature_of(source, request.headers))
        elif source.proof is Proof.OIDC:
            is_right = await self._has_token(source, request)
        elif source.proof is Proof.CLIENT_CERTIFICATE:
            is_right = is_certified(source, certificate_of(request), dt.datetime.now(dt.UTC))
        else:
            secrets = source.secrets_at(now_ms())
            is_right = is_proven(source, secrets, request.headers, in_path)
        if not is_right:
            raise UnprovenError(_wanted(source))

    async def _has_token(self, source: Source, request: web.Request) -> bool:
        token = bearer_token(request.headers)
        if not token:
            return False
        if self._proven.has(source, token):
            return True
        try:
            is_proven = await self._tokens.is_proven(source, token)
        except KeysUnavailableError as error:
            raise UnavailableError(f"{error}; send it again") from error
        if is_proven:
            self._proven.add(source, token)
        return is_proven


def check_body(source: Source, request: web.Request, body: bytes) -> None:
    """Check the signature of a body, if the source's proof is one.

    Raises:
        UnprovenError: It is not that of these bytes.
    """
    if source.proof not in ALGORITHMS:
        return
    signature = signature_of(source, request.headers)
    if not is_signed(source, source.secrets_at(now_ms()), signature, body):
        raise UnprovenError(_wanted(source))


def check_network(networks: Sequence[str], remote: str | None) -> None:
    """Check the address of a sender.

    Raises:
        ForbiddenError: It is in none of *networks*.
    """
    if not networks:
        return
    try:
        address = ipaddress.ip_address((remote or "").partition("%")[0])
    except ValueError as error:
        raise ForbiddenError("the sender's address is not known") from error
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if not any(address in ipaddress.ip_network(each) for each in networks):
        raise ForbiddenError(f"{address} is in none of the source's allowed networks")


def _wanted(source: Source) -> str:
    """What a request must have, without a word about what is wrong with this one."""
    name, prefix = source.header
    wanted = {
        Proof.PATH: "the address must end with the source's secret",
        Proof.BEARER: "the header Authorization: Bearer TOKEN is required, with a valid token",
        Proof.OIDC: "the header Authorization: Bearer TOKEN is required, with a valid token",
        Proof.AUTHORIZATION: "the header Authorization is required, with the source's secret as its"
        " value",
        Proof.BASIC: "the header Authorization: Basic is required, with the source's secret",
        Proof.HEADER: f"the header {name} is required, with the source's secret",
        Proof.CLIENT_CERTIFICATE: "a TLS connection with a client certificate that the source takes"
        " is required",
    }
    over_body = f"the header {name}: {prefix}HMAC is required, over the body as it was sent"
    return wanted.get(source.proof, over_body)
