"""Response heads as bytes: their ends, interim ones, and normalising of unusual but valid ones.

The parser (llhttp) refuses forms that RFC 9112 requires a recipient to read: folded lines, bare
line feeds, a repeated Content-Length, blanks before a colon, a newer minor version. `plain`
rewrites such a head, so that one parser judges all. It is used only on a head that the parser
refused.

Source: RFC 9112, 2.2 (a bare LF), 2.3 (versions), 5.1 (blanks before the colon), 5.2 (folded lines)
and 6.3 (the length of a content); RFC 9110, 15.2 (interim responses) and 8.6 (equal lengths).
"""

import re

_END = re.compile(rb"\n\r?\n")
_EMPTY_LINES = re.compile(rb"[\r\n]+")
_INTERIM = re.compile(rb"HTTP/[0-9]\.[0-9] 1(?!01)[0-9]{2}(?:[ \r\n])")
_NEWER_MINOR = re.compile(rb"HTTP/1\.[2-9] ")
_LINE_END = re.compile(rb"\r?\n")
_BLANKS = b" \t"


def head_end(data: bytes | bytearray, start: int) -> int:
    """The end of the first head in *data*; 0: it is incomplete.

    Args:
        data: From the status line on.
        start: Where to begin: the bytes searched before, minus three.
    """
    found = _END.search(data, max(0, start))
    return found.end() if found else 0


def blank_bytes(data: bytes | bytearray) -> int:
    """How many bytes of empty lines are at the beginning of *data*; they have no meaning."""
    found = _EMPTY_LINES.match(data)
    return found.end() if found else 0


def may_begin(data: bytes | bytearray) -> bool:
    """Whether *data*, which may be incomplete, can be the beginning of an answer."""
    return data.startswith(b"HTTP/"[: len(data)])


def is_interim(head: bytes | bytearray) -> bool:
    """Whether it is the head of an interim response: any 1xx but 101."""
    return _INTERIM.match(head) is not None


def plain(head: bytes) -> bytes:
    """The same head without folded lines and other forms that the parser refuses."""
    lines = _LINE_END.split(head.rstrip(b"\r\n"))
    status = _NEWER_MINOR.sub(b"HTTP/1.1 ", lines[0], count=1)
    return b"\r\n".join([status, *_one_length(_unfolded(lines[1:]))]) + b"\r\n\r\n"


def _unfolded(lines: list[bytes]) -> list[bytes]:
    """Header lines, each whole, without blanks before the colon."""
    fields: list[list[bytes]] = []
    for line in lines:
        if fields and line[:1] in (b" ", b"\t"):
            fields[-1].append(line.strip(_BLANKS))
        else:
            fields.append([line.rstrip(_BLANKS)])
    return [_tight(b" ".join(filter(None, parts))) for parts in fields]


def _tight(field: bytes) -> bytes:
    name, colon, value = field.partition(b":")
    return name.rstrip(_BLANKS) + colon + value


def _one_length(fields: list[bytes]) -> list[bytes]:
    """Header lines with one Content-Length if all are equal, else unchanged."""
    lengths = [each for each in fields if _name(each) == b"content-length"]
    said = {part.strip(_BLANKS) for each in lengths for part in _value(each).split(b",")}
    if len(said) != 1:
        return fields
    others = [each for each in fields if _name(each) != b"content-length"]
    return [*others, b"Content-Length: " + said.pop()]


def _name(field: bytes) -> bytes:
    return field.partition(b":")[0].lower()


def _value(field: bytes) -> bytes:
    return field.partition(b":")[2]
