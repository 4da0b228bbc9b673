"""Damaged bodies: bytes in, bytes out."""

from collections.abc import Callable

_PADDING = b',"padding":"'


def truncated(body: bytes) -> bytes:
    """Return the first two thirds, which no parser accepts as a whole document."""
    return body[: max(1, len(body) * 2 // 3)]


def tampered(body: bytes) -> bytes:
    """Add a character at the end: still JSON, but not what was signed."""
    return body + b" "


def key_twice(body: bytes) -> bytes:
    """Repeat the first key of an object, before it, with another value."""
    start = body.find(b'"')
    end = body.find(b'"', start + 1)
    return body[:start] + body[start : end + 1] + b":null," + body[start:]


def padded_to(size: int) -> Callable[[bytes], bytes]:
    """Return the object with one more field, so that it has *size* bytes."""

    def padded(body: bytes) -> bytes:
        end = body.rindex(b"}")
        missing = max(0, size - len(body) - len(_PADDING) - 1)
        return body[:end] + _PADDING + b"x" * missing + b'"' + body[end:]

    return padded
