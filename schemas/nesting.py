"""How deep JSON may be nested: a limit of our own, the same on every Python.

Decoders stop at a depth that follows from the interpreter's stack: at about 1,000 on Python 3.11,
beyond 100,000 on 3.14. What we read is nested ten levels deep, and msgspec skips what it does not
know by recursion, too.
"""

import re

from portcall.schemas.errors import InvalidValueError

MAX_DEPTH = 100
"""Levels of arrays and objects."""
TOO_DEEP = f"is nested too deeply: at most {MAX_DEPTH} levels are allowed"
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_ALIKE = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))


def is_too_deep(body: bytes) -> bool:
    """Whether JSON is nested deeper than `MAX_DEPTH`; it need not be valid.

    All of it runs in C: without the strings, pairs of brackets are taken out from the inside, a
    level in each round. Only a body with more than `MAX_DEPTH` brackets is looked at.
    """
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return False
    bare = _STRING.sub(b"", body) if b"\\" in body else b"".join(body.split(b'"')[::2])
    rest = bare.translate(_ALIKE, _OTHERS)
    for _ in range(MAX_DEPTH):
        if not rest:
            return False
        rest = rest.replace(b"[]", b"")
    return b"[]" in rest or rest.count(b"[") > MAX_DEPTH  # the latter: levels that never end


def check_depth(body: bytes, field: str = "") -> None:
    """Refuse JSON that is nested too deeply.

    Raises:
        InvalidValueError: It is; the error names *field*, or the body.
    """
    if is_too_deep(body):
        raise InvalidValueError(field, TOO_DEEP if field else f"the body {TOO_DEEP}")
