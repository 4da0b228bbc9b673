"""URIs: parsed once, checked, and otherwise kept as they were written, byte for byte.

One parse serves everything: the stored and shown text, the address check, the connection and the
request. Two parsers could read the same text differently: the check would cover one host, and the
request would go to another.

Source: RFC 3986 for the parts, RFC 9110 7.1 and RFC 9112 3.2 for their use in a request.
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
"""A host that ends in a number: resolvers read ``127.1``, ``0177.0.0.1`` or ``0x7f000001`` as an
address."""
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
"""Categories of Unicode that no URI may have, and how errors name them."""


@dataclass(frozen=True, slots=True)
class Uri:
    """An http or https URI, taken apart.

    Attributes:
        scheme: As written.
        credentials: User info as written, with the ``@`` behind it; empty: there is none.
        authority: Host and port as written: what a request sends as ``Host``.
        rest: Path and query as written; may be empty.
        host: The host to connect to: a name in lower case or an address in its usual form.
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
        """Whether the connection uses TLS."""
        return self.scheme.lower() == "https"

    @property
    def target(self) -> str:
        """The request target: path and query; HTTP wants at least a slash (RFC 9112, 3.2.1)."""
        return self.rest if self.rest.startswith("/") else f"/{self.rest}"

    @property
    def origin(self) -> str:
        """Scheme, host and port as written: these hold no secrets."""
        return f"{self.scheme}://{self.authority}"

    @property
    def text(self) -> str:
        """The whole URI as written, without user info."""
        return f"{self.origin}{self.rest}"

    @property
    def requested(self) -> str:
        """The URI that a request asks for: `text`, with a slash for an empty path."""
        return f"{self.origin}{self.target}"


def parse_uri(text: str, field: str = "serviceUri", *, max_length: int = MAX_URI_LENGTH) -> Uri:
    """Parse a URI; characters beyond ASCII are encoded, everything else stays as it is.

    Args:
        text: The URI.
        field: The field name for errors.
        max_length: The limit in characters, also after the encoding; 0: none.

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
    """Refuse characters that no URI may have, and name their position.

    Invisible characters are pasted by mistake, and a space could mean ``%20`` or ``+``: encoding
    them could give a URI that the user did not mean. Parsers disagree on whether a backslash is a
    slash.
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
    """Whether ``%20`` is valid there: not around a URI, nor in its scheme, host or port."""
    if not text[:index].strip() or not text[index:].strip():
        return False
    before_path = _BEFORE_PATH.match(text)
    end = before_path.end() if before_path else 0
    return index >= end or "@" in text[index:end]  # the part before an @ is user info


def _encoded(text: str) -> str:
    """*text* with characters beyond ASCII as escapes of their UTF-8. Source: RFC 3987, 3.1."""
    return text if text.isascii() else _BEYOND_ASCII.sub(lambda match: quote(match[0]), text)


def _split(where: str, field: str) -> tuple[str, str]:
    """Host, and port with its colon. Errors do not repeat the text: it may be half a password."""
    parts = _HOST_AND_PORT.fullmatch(where)
    if parts is None:
        raise InvalidValueError(
            field,
            "is not a URI: only a port may follow the host, as in https://example.com:8443/;"
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
    """A host as it is stored, and the host to connect to."""
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
        return spelled(ipaddress.IPv6Address(text[1:-1]))
    except ValueError as error:
        raise _no_host(text, field) from error


def spelled(address: ipaddress.IPv6Address) -> str:
    """An address in one spelling on every Python: 3.13 began to write the mapped ones with dots.

    Both spellings of ``::ffff:127.0.0.1`` are read; this is ``::ffff:7f00:1``, which no check takes
    for a name that ends in a number.
    """
    mapped = address.ipv4_mapped
    if mapped is None:
        return str(address)
    return f"::ffff:{int(mapped) >> 16:x}:{int(mapped) & 0xFFFF:x}"


def _ipv4(host: str, field: str) -> str:
    """The address in its usual form, as browsers and .NET read one: ``127.1`` is ``127.0.0.1``.

    Source: the WHATWG URL standard, "IPv4 parser"; ``inet_aton`` agrees with it.
    """
    try:
        return socket.inet_ntoa(socket.inet_aton(host.removesuffix(".")))
    except OSError as error:
        raise InvalidValueError(
            field, f"{host[:64]!r} ends in a number, but is no address, as in 192.0.2.1"
        ) from error


def _in_ascii(name: str, field: str) -> str:
    """A name beyond ASCII in the form for DNS. Source: UTS 46, by yarl and idna."""
    try:
        for _ in range(2):  # encoding a name may leave upper case in it
            name = URL.build(scheme="http", host=name).raw_host or ""
    except ValueError as error:
        raise _no_host(name, field) from error
    return name
