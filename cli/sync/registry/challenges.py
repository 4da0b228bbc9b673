"""Challenges: what a registry's 401 asks for.

Source: RFC 9110 section 11 (the grammar), distribution's "Token Authentication Specification".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_SCHEME = re.compile(r"\s*,?\s*([A-Za-z][A-Za-z0-9._~+-]*)(?=\s|,|$)")
_PARAMETER = re.compile(
    r"\s*,?\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]+))"
)
_QUOTED = re.compile(r"\\(.)")
MAX_LENGTH = 8192
"""Characters of a header that are read."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge.

    Attributes:
        scheme: In lower case: ``basic`` or ``bearer``.
        realm: For ``bearer``: the address of the token server.
        service: The name that the token server knows the registry by.
        scope: What the token must allow; empty: the registry does not say.
    """

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """The challenges of the WWW-Authenticate headers, in their order."""
    return [each for header in headers for each in _parse(header[:MAX_LENGTH])]


def _parse(header: str) -> list[Challenge]:
    found: list[Challenge] = []
    position = 0
    while scheme := _SCHEME.match(header, position):
        position = scheme.end()
        values: dict[str, str] = {}
        while parameter := _PARAMETER.match(header, position):
            position = parameter.end()
            quoted, token = parameter[2], parameter[3]
            values[parameter[1].lower()] = token if quoted is None else _QUOTED.sub(r"\1", quoted)
        realm, service, scope = (values.get(name, "") for name in ("realm", "service", "scope"))
        found.append(Challenge(scheme[1].lower(), realm, service, scope))
    return found
