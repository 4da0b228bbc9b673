"""Skimming: reads the few needed fields of an envelope from a body of any size.

A registry's clients choose most of a notification's size: a user agent of 1 MiB becomes 6 MiB of
JSON, a manifest of 4 MiB becomes 37 MiB of ``references``. None of that is needed. So a large body
is read piece by piece, and unneeded parts are dropped at once. The same reader accepts input that a
strict one refuses: bytes that are not UTF-8, half a surrogate pair, any depth, numbers of any
length.

Dropped parts are not checked: only their strings and brackets are followed.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from portcall.schemas.errors import InvalidValueError

MAX_EVENTS = 10_000
"""Of one envelope. A registry sends one; a megabyte could hold 60,000 empty ones."""
MAX_KEPT_BYTES = 1024 * 1024
"""The limit of the kept data of one body; later events are only counted."""
MAX_COUNTED = 10_000
"""Limit of the counted ones that are not kept; the rest of the array counts as one more."""
MAX_KEYS = 256
"""Of one envelope, or of one event with its parts; no registry writes more than 20. An event with
more is not kept, and further names are not read."""
MAX_TEXT_BYTES = 32 * 1024
"""Of one text as written: 2,048 characters of a user agent, each as two escapes of 6 bytes."""
MAX_KEY_BYTES = 256
MAX_SCALAR_BYTES = 64
"""Of a number or a word; a number with more digits fits no field."""

TARGET = frozenset(
    {
        *("mediaType", "size", "digest", "length", "repository", "fromRepository", "url", "tag"),
        "artifactType",
    }
)
REQUEST = frozenset({"id", "addr", "host", "method", "useragent"})
EVENT = frozenset({"id", "timestamp", "action"})
ACTOR = frozenset({"name"})
_PARTS: Mapping[str, frozenset[str]] = {"target": TARGET, "request": REQUEST, "actor": ACTOR}

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Atomic groups in place of possessive ones: Python before 3.11.5, Debian 12's too, may take such a
# group's failed last turn for a match. Source: https://github.com/python/cpython/issues/106052
_CONTENT = rb'[^"\\]*+(?>(?:\\.[^"\\]*+)*)'
_STRING = b'"' + _CONTENT + b'"'
_FLAT = rb'[^"\[\]{}]++|' + _STRING
_SPACE = re.compile(rb"[ \t\r\n]*+")
_SCALAR = re.compile(rb'[^ \t\r\n,:"\[\]{}]*+')
_TEXT = re.compile(_CONTENT, re.DOTALL)
_NUMBER = re.compile(rb"-?[0-9][0-9.eE+-]*")
_UNNEEDED = re.compile(rb"(?>(?:" + _FLAT + rb"|[\[{](?>(?:" + _FLAT + rb")*)[\]}])*)", re.DOTALL)
"""Everything up to a bracket that is not closed at once, or to an incomplete string."""
_COMPLETE = re.compile(rb'(?>(?:[^"]++|' + _STRING + rb")*)", re.DOTALL)
_TEXTS = re.compile(_STRING, re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = bytes.maketrans(b"[{]}", b"\2\2\0\0")
"""The change of depth at a bracket, plus one."""
PATIENCE = 64
"""Brackets that are followed one by one, 3 us each, before whole slices are."""
SLICE_BYTES = 2048
_WHOLE_ESCAPES = re.compile(r"(?>(?:[^\\]++|\\u[0-9a-fA-F]{4}|\\[^u])*)", re.DOTALL)


@dataclass(slots=True)
class Skimmed:
    """The kept parts of a body.

    Attributes:
        is_envelope: Whether it is an object with an array of events.
        events: The events, each with the needed fields; or any other value in their place.
        dropped: Events that were not kept, by the reason.
        is_cut: Whether the body was not read to its end.
    """

    is_envelope: bool = False
    events: list[object] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    is_cut: bool = False


def skim(body: bytes) -> Skimmed:
    """Skim a whole body; errors are those of `Skimmer.finish`."""
    skimmer = Skimmer()
    skimmer.feed(body)
    return skimmer.finish()


class Skimmer:
    """Skims one body, piece by piece. It holds a piece, and up to `MAX_KEPT_BYTES` of results.

    Each private method reads a part of the body, and yields where it needs more bytes.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._at = 0
        self._is_last = False
        self._kept_bytes = 0
        self._keys = 0
        self._skimmed = Skimmed()
        self._problem: InvalidValueError | None = None
        self._ended = False
        self._steps = self._document()

    def feed(self, piece: bytes) -> None:
        """Read the next piece of the body; `finish` reports its errors."""
        if self._ended:
            return
        self._buffer = self._buffer[self._at :] + piece
        self._at = 0
        try:
            next(self._steps)
        except StopIteration:
            self._ended = True
        except InvalidValueError as problem:
            self._ended, self._problem, self._buffer = True, problem, b""

    def finish(self) -> Skimmed:
        """The kept parts, after the last piece.

        Raises:
            InvalidValueError: The body is empty, or not JSON.
        """
        self._is_last = True
        self.feed(b"")
        if self._problem is not None:
            raise self._problem
        return self._skimmed

    def so_far(self) -> Skimmed:
        """The kept parts of a body that is not read further; an incomplete event counts as one.

        Raises:
            InvalidValueError: It is not JSON.
        """
        if self._problem is not None:
            raise self._problem
        self._skimmed.is_envelope = True
        self._skimmed.is_cut = True
        self._skimmed.dropped["too_large"] += 1
        return self._skimmed

    def _document(self) -> Generator[None, None, None]:
        while len(self._buffer) < len(_BYTE_ORDER_MARK) and not self._is_last:
            yield
        if self._buffer.startswith(_BYTE_ORDER_MARK):
            self._at = len(_BYTE_ORDER_MARK)
        yield from self._space()
        if self._is_at_end:
            raise InvalidValueError("", "the body is empty")
        if (yield from self._next()) == b"{":
            yield from self._envelope()
        else:
            yield from self._skip()
        yield from self._space()
        if not self._is_at_end:
            raise _no_json("there is something behind its end")

    def _envelope(self) -> Generator[None, None, None]:
        count = 0
        while (key := (yield from self._key(first=not count))) is not None:
            count += 1
            if count > MAX_KEYS:
                self._skimmed.dropped["too_large"] += 1
                yield from self._skip_nested(1)
                return
            opening = yield from self._next()
            if key != "events":
                yield from self._skip()
                continue
            self._skimmed = Skimmed(is_envelope=opening == b"[")
            yield from self._events() if opening == b"[" else self._skip()

    def _events(self) -> Generator[None, None, None]:
        self._at += 1
        if (yield from self._next()) == b"]":
            self._at += 1
            return
        separator = b","
        while separator == b",":
            if self._skimmed.dropped.total() >= MAX_COUNTED:
                self._skimmed.dropped["too_many"] += 1
                yield from self._skip_nested(1)
                return
            yield from self._take_event()
            separator = yield from self._next()
            self._at += 1
        if separator != b"]":
            raise _no_json("the array of events is not closed")

    def _take_event(self) -> Generator[None, None, None]:
        reason = ""
        if len(self._skimmed.events) >= MAX_EVENTS:
            reason = "too_many"
        elif self._kept_bytes > MAX_KEPT_BYTES:
            reason = "too_large"
        if reason:
            self._skimmed.dropped[reason] += 1
            yield from self._skip()
            return
        self._keys = 0
        event = yield from self._part(EVENT, _PARTS)
        if self._keys > MAX_KEYS:
            self._skimmed.dropped["too_large"] += 1
        else:
            self._skimmed.events.append(event)

    def _part(
        self, names: frozenset[str], parts: Mapping[str, frozenset[str]]
    ) -> Generator[None, None, object]:
        """An object's fields of these names, and its *parts*; or the value in its place."""
        if (yield from self._next()) != b"{":
            return (yield from self._value())
        kept: dict[str, object] = {}
        first = True
        while (key := (yield from self._key(first=first))) is not None:
            first = False
            self._keys += 1
            if self._keys > MAX_KEYS:
                yield from self._skip_nested(1)
                return kept
            if key in parts:
                kept[key] = yield from self._part(parts[key], {})
            elif key in names:
                kept[key] = yield from self._value()
            else:
                yield from self._skip()
        return kept

    def _key(self, *, first: bool) -> Generator[None, None, str | None]:
        """The next key of an object, up to its value; None: the object has ended."""
        sign = yield from self._next()
        if sign == b"}" and not first:
            self._at += 1
            return None
        if sign != (b"{" if first else b","):
            raise _no_json("an object is not closed")
        self._at += 1
        sign = yield from self._next()
        if first and sign == b"}":
            self._at += 1
            return None
        if sign != b'"':
            raise _no_json("an object has something that is no name")
        name = yield from self._text(MAX_KEY_BYTES)
        if (yield from self._next()) != b":":
            raise _no_json("a name has no value")
        self._at += 1
        return name

    def _value(self) -> Generator[None, None, object]:
        """A text, cut; a number or a word; or an empty array or object in place of a full one."""
        sign = yield from self._next()
        if sign == b'"':
            return (yield from self._text(MAX_TEXT_BYTES))
        if sign in (b"[", b"{"):
            yield from self._skip()
            return [] if sign == b"[" else {}
        return _scalar((yield from self._scalar_bytes()))

    def _skip(self) -> Generator[None, None, None]:
        """Read over a value."""
        sign = yield from self._next()
        if sign == b'"':
            yield from self._text(0)
        elif sign in (b"[", b"{"):
            yield from self._skip_nested()
        else:
            _scalar((yield from self._scalar_bytes()))

    def _skip_nested(self, depth: int = 0) -> Generator[None, None, None]:
        """Read over an array or object, of which *depth* brackets are open already."""
        followed = 0
        while True:
            if followed > PATIENCE:
                depth, followed = self._deep(depth), 0
            sign = self._buffer[self._at : self._at + 1]
            if sign == b'"':
                yield from self._text(0)
            elif not sign:
                yield from self._more()
            elif sign in b"[]{}":
                followed += 1
                self._at += 1
                depth += 1 if sign in b"[{" else -1
                if not depth:
                    return
            self._at = _end(_UNNEEDED, self._buffer, self._at)

    def _deep(self, depth: int) -> int:
        """Read over whole slices in which the value cannot end; returns the depth after them."""
        while True:
            end = _COMPLETE.match(self._buffer, self._at, self._at + SLICE_BYTES)
            if end is None or end.end() == self._at:
                return depth
            steps = _TEXTS.sub(b"", end[0]).translate(_STEPS, _NO_BRACKETS)
            depths = list(accumulate(steps, lambda before, step: before + step - 1, initial=depth))
            if min(depths) < 1:
                return depth
            depth, self._at = depths[-1], end.end()

    def _text(self, keep: int) -> Generator[None, None, str]:
        """The text that begins here, *keep* bytes of it at most."""
        self._at += 1
        kept = b""
        while True:
            end = _end(_TEXT, self._buffer, self._at)
            kept += self._buffer[self._at : min(end, self._at + keep - len(kept))]
            self._at = end
            if self._buffer[end : end + 1] == b'"':
                self._at += 1
                self._kept_bytes += len(kept)
                return _decoded(kept) if keep else ""
            yield from self._more()

    def _scalar_bytes(self) -> Generator[None, None, bytes]:
        kept = b""
        while True:
            end = _end(_SCALAR, self._buffer, self._at)
            kept = (kept + self._buffer[self._at : end])[: MAX_SCALAR_BYTES + 1]
            self._at = end
            if end < len(self._buffer) or self._is_last:
                self._kept_bytes += len(kept)
                return kept
            yield

    def _next(self) -> Generator[None, None, bytes]:
        """The next byte after white space, without consuming it."""
        yield from self._space()
        if self._is_at_end:
            raise _no_json("it ends too early")
        return self._buffer[self._at : self._at + 1]

    def _space(self) -> Generator[None, None, None]:
        while True:
            self._at = _end(_SPACE, self._buffer, self._at)
            if self._at < len(self._buffer) or self._is_last:
                return
            yield

    def _more(self) -> Generator[None, None, None]:
        """Wait for more bytes, which must come."""
        if self._is_last:
            raise _no_json("it ends too early")
        yield

    @property
    def _is_at_end(self) -> bool:
        return self._at == len(self._buffer)


def _end(pattern: re.Pattern[bytes], buffer: bytes, at: int) -> int:
    match = pattern.match(buffer, at)
    return at if match is None else match.end()


def _scalar(written: bytes) -> object:
    """A number, true, false or null. A number too long for any field becomes another value."""
    if len(written) > MAX_SCALAR_BYTES and _NUMBER.fullmatch(written):
        return math.nan
    try:
        value: object = json.loads(written)
    except ValueError as error:  # also of bytes that are not UTF-8
        raise _no_json("there is a word that JSON does not have") from error
    return value


def _decoded(written: bytes) -> str:
    """A decoded text; undecodable parts become U+FFFD."""
    whole = _WHOLE_ESCAPES.match(written.decode("utf-8", "replace"))
    try:
        text: str = json.loads(f'"{whole[0] if whole else ""}"', strict=False)
    except ValueError as error:
        raise _no_json("a text has an escape that JSON does not have") from error
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _no_json(why: str) -> InvalidValueError:
    return InvalidValueError("", f"the body is not JSON: {why}")
