"""URIs: taken apart once, checked, and otherwise left as they were written, byte for byte.

One parse serves everything: what is kept and shown, the address check, the connection and the
request. A second parser that read the same text in another way would lead the check to one host
and the request to another.

Source: RFC 3986 for the parts, RFC 9110 7.1 and RFC 9112 3.2 for what a request takes of them.
"""

import ipaddress
import re
import socket
import unicodedata
from dataclasses import dataclass, field
from urllib.parse import quote

from yarl import URL

from portcall.schemas.errors import InvalidValueError

MAX_URI_LENGTH = 2048

_SHAPE = re.compile(r"([Hh][Tt][Tt][Pp][Ss]?)://([^/?#]*)([^#]*)", re.DOTALL)
_HOST_AND_PORT = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(:[0-9]*)?", re.DOTALL)
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,254}}$)(?:{_LABEL}\.)*{_LABEL}\.?", re.ASCII)
_NUMBER = re.compile(r"(?:^|\.)(?:0[xX][0-9A-Fa-f]*|[0-9]+)\.?$")
"""Ends as an address does; resolvers take ``127.1``, ``0177.0.0.1`` or ``0x7f000001`` for one."""
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_BEFORE_PATH = re.compile(r"[^/?#]*//[^/?#]*")
_SUSPECT = re.compile(r"[^\x21-\x5b\x5d-\x7e]")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_PORT = 65_535
_UNFIT = {
    "Cc": "a control character",
    "Cf": "an invisible character",
    "Cs": "half a character",
    "Zl": "a line break",
    "Zp": "a line break",
    "Zs": "a space",
}
"""Categories of Unicode that no URI may have, and their names here."""


@dataclass(frozen=True, slots=True)
class Uri:
    """An http or https URI, taken apart.

    Attributes:
        scheme: As written.
        credentials: User info as written, with the ``@`` behind it; empty: there is none.
        authority: Host and port as written: what a request sends as ``Host``.
        rest: Path and query as written; may be empty.
        host: What is connected to: a name in lower case or an address in its usual form.
        port: The port as written, or the scheme's.
    """

    scheme: str
    credentials: str = field(repr=False)
    authority: str
    rest: str
    host: str
    port: int

    @property
    def tls(self) -> bool:
        """Whether TLS is spoken."""
        return self.scheme.lower() == "https"

    @property
    def target(self) -> str:
        """The request target: path and query; HTTP wants at least a slash (RFC 9112, 3.2.1)."""
        return self.rest if self.rest.startswith("/") else f"/{self.rest}"

    @property
    def origin(self) -> str:
        """Scheme, host and port as written: what has no secrets in it."""
        return f"{self.scheme}://{self.authority}"

    @property
    def text(self) -> str:
        """The whole as written, without user info."""
        return f"{self.origin}{self.rest}"

    @property
    def requested(self) -> str:
        """What a request asks for: `text`, but for the slash of an empty path."""
        return f"{self.origin}{self.target}"


def parse_uri(text: str, field: str = "serviceUri", *, max_length: int = MAX_URI_LENGTH) -> Uri:
    """Take a URI apart; what is beyond ASCII is encoded, everything else stays as it is.

    Args:
        text: The URI.
        field: What a refusal names.
        max_length: Characters that it may have, also after the encoding; 0: any number.

    Raises:
        InvalidValueError: It is not an absolute http or https URI that can be connected to.
            Never repeats credentials.
    """
    if not text:
        raise InvalidValueError(field, "is required")
    if max_length and len(text) > max_length:
        raise InvalidValueError(field, f"is longer than {max_length} characters")
    _check_characters(text, field)
    shape = _SHAPE.match(text)
    if shape is None:
        raise InvalidValueError(field, "must begin with http:// or https://")
    if shape.end() < len(text):
        place = shape.end() + 1
        raise InvalidValueError(
            field, f"must have no fragment (#...): there is a # at character {place}; write %23"
        )
    scheme, authority, rest = shape.groups()
    credentials, at, where = authority.rpartition("@")
    if "[" in credentials or "]" in credentials:
        raise InvalidValueError(field, "is not a URI: write %5B and %5D for brackets in user info")
    name, port = _split(where, field)
    written, host = _host(name, field)
    made = Uri(
        scheme=scheme,
        credentials=_encoded(credentials + at),
        authority=f"{written}{port}",
        rest=_encoded(rest),
        host=host,
        port=_port(port, field) or _DEFAULT_PORTS[scheme.lower()],
    )
    length = len(made.text) + len(made.credentials)
    if max_length and length > max_length:
        raise InvalidValueError(
            field,
            f"is {length} characters long when everything beyond ASCII is encoded, as \u20ac is"
            f" %E2%82%AC; at most {max_length}",
        )
    return made


def looks_like_an_address(host: str) -> bool:
    """Whether a name ends in a number; no name of the internet does."""
    return _NUMBER.search(host) is not None


def _check_characters(text: str, field: str) -> None:
    """Refuse what no URI may have, by its place.

    What cannot be seen is a slip of whoever pasted it, and a space could mean ``%20`` or ``+``: to
    encode them would make a URI that nobody meant. Parsers take a backslash for a slash, or not.
    """
    for match in _SUSPECT.finditer(text):
        character, place = match[0], match.start() + 1
        if character == " ":
            advice = "write %20" if _takes_escapes(text, match.start()) else "remove it"
            raise InvalidValueError(field, f"contains a space at character {place}; {advice}")
        if character == "\\":
            raise InvalidValueError(field, f"contains a backslash at character {place}; write %5C")
        unfit = _UNFIT.get(unicodedata.category(character))
        if unfit:
            raise InvalidValueError(
                field, f"contains {unfit} (U+{ord(character):04X}) at character {place}"
            )


def _takes_escapes(text: str, index: int) -> bool:
    """Whether ``%20`` may stand there: not around a URI, nor in its scheme, host or port."""
    if not text[:index].strip() or not text[index:].strip():
        return False
    before_path = _BEFORE_PATH.match(text)
    end = before_path.end() if before_path else 0
    return index >= end or "@" in text[index:end]  # what stands before an @ is user info


def _encoded(text: str) -> str:
    """*text* with what is beyond ASCII as the escapes of its UTF-8. Source: RFC 3987, 3.1."""
    return text if text.isascii() else _BEYOND_ASCII.sub(lambda match: quote(match[0]), text)


def _split(where: str, field: str) -> tuple[str, str]:
    """Host, and port with its colon. What is wrong is not repeated: it may be half a password."""
    parts = _HOST_AND_PORT.fullmatch(where)
    if parts is None:
        raise InvalidValueError(
            field,
            "is not a URI: behind the host only a port may stand, as in https://example.com:8443/;"
            " an IPv6 address has brackets",
        )
    return parts[1], parts[2] or ""


def _port(text: str, field: str) -> int | None:
    """The port; None: none is written, or only its colon (RFC 3986, 3.2.3)."""
    digits = text[1:].lstrip("0")
    if not digits:
        if text[1:]:
            raise InvalidValueError(field, "port 0 cannot be connected to")
        return None
    if len(digits) > len(str(_MAX_PORT)) or int(digits) > _MAX_PORT:
        raise InvalidValueError(field, f"is not a URI: a port is at most {_MAX_PORT}")
    return int(digits)


def _host(text: str, field: str) -> tuple[str, str]:
    """A host as it is kept, and what is connected to."""
    if not text:
        raise InvalidValueError(field, "names no host, as in https://example.com/hook")
    if text.startswith("["):
        return text, _ipv6(text, field)
    kept = text if text.isascii() else _in_ascii(text, field)
    if not _NAME.fullmatch(kept):
        raise _no_host(text, field)
    return kept, _ipv4(kept, field) if looks_like_an_address(kept) else kept.lower()


def _no_host(text: str, field: str) -> InvalidValueError:
    return InvalidValueError(field, f"{text[:64]!r} is not a host name or an address")


def _ipv6(text: str, field: str) -> str:
    if "%" in text:  # a zone is a name of one machine's own
        raise _no_host(text, field)
    try:
        return str(ipaddress.IPv6Address(text[1:-1]))
    except ValueError as error:
        raise _no_host(text, field) from error


def _ipv4(host: str, field: str) -> str:
    """The address in its usual form, as browsers and .NET read one: ``127.1`` is ``127.0.0.1``.

    Source: the WHATWG URL standard, "IPv4 parser"; ``inet_aton`` keeps to the same.
    """
    try:
        return socket.inet_ntoa(socket.inet_aton(host.removesuffix(".")))
    except OSError as error:
        raise InvalidValueError(
            field, f"{host[:64]!r} ends in a number, but is no address, as in 192.0.2.1"
        ) from error


def _in_ascii(name: str, field: str) -> str:
    """A name beyond ASCII as name servers know it. Source: UTS 46, by yarl and idna."""
    try:
        for _ in range(2):  # encoding a name may leave upper case in it
            name = URL.build(scheme="http", host=name).raw_host or ""
    except ValueError as error:
        raise _no_host(name, field) from error
    return name
