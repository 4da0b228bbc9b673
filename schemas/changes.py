"""The change feed's wire format: a hint that the store has reached a revision.

A hint carries the revision and nothing else. Its readers ask the store for what changed.
"""

from msgspec import DecodeError, Struct, json

VERSION = 1


class Hint(Struct, frozen=True, kw_only=True):
    """The body of a message on ``portcall.webhooks``."""

    v: int = VERSION
    revision: int


def encode_hint(revision: int) -> bytes:
    """Write the hint that the store has reached *revision*."""
    return json.encode(Hint(revision=revision))


def decode_hint(body: bytes) -> int | None:
    """Read the revision of a hint of any version; None if *body* is not a hint."""
    try:
        return json.decode(body, type=Hint).revision
    except (DecodeError, UnicodeDecodeError):
        return None
