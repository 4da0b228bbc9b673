"""Checks of the values that a source's options have.

Each raises `InvalidValueError` without a field: the caller knows the option's name.
"""

import json
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from portcall.schemas.certificates import check_ca_bundle
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import ACTION_NAMES, Action
from portcall.schemas.nesting import TOO_DEEP, is_too_deep
from portcall.schemas.options.expressions import compiled

MAX_TEXT = 1_024
"""Characters of a name that senders know: of an audience, a user or a list of names."""
MAX_WORDS = 50
"""Of the option ``actions``."""
MAX_KEYS = 100
"""Of one set; each costs some 50 µs to read."""
MAX_SECONDS = 600

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}", re.ASCII)
_TAKEN = frozenset({
    "connection", "content-encoding", "content-length", "content-type", "expect", "host",
    "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip
"""Headers of HTTP itself."""
_PREFIX = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,127}", re.ASCII)
_HOST = re.compile(r"(?:[A-Za-z0-9_.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII)
_OFFSET = re.compile(r"Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9]", re.ASCII)
_SERIAL = re.compile(r"[0-9A-Fa-f]{1,2}(?::?[0-9A-Fa-f]{2}){0,20}", re.ASCII)
"""A serial number has at most 20 bytes (RFC 5280, 4.1.2.2), and may be shown behind a 0."""
_SECONDS = re.compile(r"[0-9]{1,3}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ACTIONS = frozenset(action.value for action in Action)

Check = Callable[[str], object]
"""Raises `InvalidValueError` if the value, which is not empty, breaks a rule."""


def check_header(value: str) -> None:
    """Check the name of a header that carries a proof."""
    if not _HEADER.fullmatch(value):
        raise InvalidValueError("", "is not the name of a header")
    if value.lower() in _TAKEN:
        raise InvalidValueError("", f"must not be {value}: HTTP itself uses that header")


def check_prefix(value: str) -> None:
    """Check the text in front of a proof: a header's value begins with no space."""
    if value and not _PREFIX.fullmatch(value):
        problem = "must be up to 128 printable ASCII characters, with no space at the beginning"
        raise InvalidValueError("", problem)


def check_text(value: str) -> None:
    """Check a text that a sender knows, too."""
    if len(value) > MAX_TEXT or _CONTROL.search(value):
        problem = f"must have at most {MAX_TEXT} characters, and no control characters"
        raise InvalidValueError("", problem)


def check_user(value: str) -> None:
    """Check the user of Basic authentication."""
    check_text(value)
    if ":" in value:
        raise InvalidValueError("", "must not contain a colon")


def check_host(value: str) -> None:
    """Check the host that clients pull from."""
    if not _HOST.fullmatch(value):
        problem = "must be a host, with a port if it has one, such as registry.example.com:5000"
        raise InvalidValueError("", problem)


def check_offset(value: str) -> None:
    """Check a difference to UTC."""
    if not _OFFSET.fullmatch(value):
        raise InvalidValueError("", "must be a difference to UTC, such as +08:00")


def check_names(value: str) -> None:
    """Check a list of names with commas."""
    check_text(value)
    if not any(name.strip() for name in value.split(",")):
        raise InvalidValueError("", "must be names with commas between them")


def one_of(*words: str) -> Check:
    """A check for one of *words*."""

    def check(value: str) -> None:
        if value not in words:
            raise InvalidValueError("", f"must be {' or '.join(words)}")

    return check


def check_expression(value: str) -> None:
    """Check an expression in JMESPath."""
    compiled(value)


def action_words(value: str) -> dict[str, str]:
    """The actions by the words that mean them, in lower case: ``created=push, removed=delete``.

    Raises:
        InvalidValueError: A word has no action, or there are too many.
    """
    pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
    if len(pairs) > MAX_WORDS:
        raise InvalidValueError("", f"has more than {MAX_WORDS} words")
    words: dict[str, str] = {}
    for word, equals, action in pairs:
        if not equals or action.strip() not in _ACTIONS:
            raise InvalidValueError(
                "", f"{word.strip()[:32]!r} must be followed by = and one of {ACTION_NAMES}"
            )
        words[word.strip().lower()] = action.strip()
    return words


def check_seconds(value: str) -> None:
    """Check a number of seconds; 0 has a meaning."""
    if not _SECONDS.fullmatch(value) or int(value) > MAX_SECONDS:
        raise InvalidValueError("", f"must be a number of seconds, from 0 to {MAX_SECONDS}")


def check_issuer(value: str) -> None:
    """Check an issuer of tokens: https, or http on this machine."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidValueError("", "is not a URL") from error
    is_local = parts.scheme == "http" and host in ("127.0.0.1", "::1", "localhost")
    if not host or not (parts.scheme == "https" or is_local) or parts.query or parts.fragment:
        raise InvalidValueError("", "must be an https URL without a query")
    if parts.username is not None:
        raise InvalidValueError("", "must not contain a user")


def serial_numbers(value: str) -> frozenset[int]:
    """The serial numbers of certificates, as openssl writes them: in hex, perhaps with colons.

    Raises:
        InvalidValueError: One is no number in hex.
    """
    found = set()
    for word in filter(None, (each.strip() for each in value.split(","))):
        if not _SERIAL.fullmatch(word):
            problem = f"{word[:64]!r} is no serial number in hex, as `openssl x509 -serial` says it"
            raise InvalidValueError("", problem)
        found.add(int(word.replace(":", ""), 16))
    if not found:
        raise InvalidValueError("", "must be serial numbers with commas between them")
    return frozenset(found)


def check_key_set(value: str) -> None:
    """Check a set of public keys: each has an id, so that a token can name it."""
    if value.lower().startswith(("http:", "https:")):
        raise InvalidValueError(
            "", "must be the keys, not their address; without it they are fetched from the issuer"
        )
    if is_too_deep(value.encode("utf-8", "surrogatepass")):
        raise InvalidValueError("", TOO_DEEP)
    try:
        found = json.loads(value)
    except ValueError as error:
        raise InvalidValueError("", "is not JSON") from error
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or not 0 < len(keys) <= MAX_KEYS:
        raise InvalidValueError("", f'must be a set of 1 to {MAX_KEYS} keys: {{"keys": [...]}}')
    for index, key in enumerate(keys):
        _check_key(key, f"its keys[{index}]")


def check_authorities(value: str) -> None:
    """Check certificates of authorities."""
    check_ca_bundle(value, "")


def _check_key(key: object, name: str) -> None:
    if not isinstance(key, dict) or key.get("kty") not in ("RSA", "EC"):
        raise InvalidValueError("", f"{name} must be an RSA or EC key")
    if not isinstance(key.get("kid"), str) or not key["kid"]:
        raise InvalidValueError("", f"{name} must have a kid")
    if "d" in key:
        raise InvalidValueError("", f"{name} is a private key; only its public part belongs here")
