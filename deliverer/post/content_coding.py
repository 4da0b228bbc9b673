"""Response contents as text for records, in any coding and charset.

An endpoint may compress its answer without being asked, and may use any charset. Both are decoded
for the record only, up to the length that it shows: of a decompression bomb, no more is inflated.

Source: RFC 9110, 8.4 (content codings; a list is undone from its end) and 12.5.3 (a request without
Accept-Encoding takes any); RFC 1950 to 1952; the WHATWG Encoding Standard for the labels, by which
ISO-8859-1 is windows-1252.
"""

import codecs
import zlib
from encodings.aliases import aliases

MAX_CODINGS = 3
"""Nested codings that are decoded; real answers have one."""
MAX_MEMBERS = 8
"""Of a gzip content: each may be as small as 20 bytes, and costs 10 us."""
MAX_LABEL = 40

_GZIP, _ZLIB, _RAW = 31, 15, -15
_CODINGS = {"gzip": (_GZIP,), "x-gzip": (_GZIP,), "deflate": (_ZLIB, _RAW)}
"""zlib's modes for a coding, in the order of trying: many servers send deflate without header."""
_NO_CODINGS = frozenset({"", "identity", "chunked"})

_CHARSETS = frozenset(
    {
        "ascii", "big5", "big5hkscs", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255",
        "cp1256", "cp1257", "cp1258", "cp437", "cp850", "cp866", "cp874", "cp932", "cp949",
        "euc_jp", "euc_kr", "gb18030", "gb2312", "gbk", "iso2022_jp", "iso8859_10", "iso8859_11",
        "iso8859_13", "iso8859_14", "iso8859_15", "iso8859_16", "iso8859_2", "iso8859_3",
        "iso8859_4", "iso8859_5", "iso8859_6", "iso8859_7", "iso8859_8", "iso8859_9", "koi8_r",
        "koi8_u", "latin_1", "mac_roman", "shift_jis", "tis_620", "utf_16", "utf_16_be",
        "utf_16_le", "utf_32", "utf_32_be", "utf_32_le", "utf_8", "utf_8_sig",
    }
)  # fmt: skip
"""Text codecs. Python has others (idna, rot13), and caches each unknown label for ever."""
_LABELS = {alias: codec for alias, codec in aliases.items() if codec in _CHARSETS} | {
    codec: codec for codec in _CHARSETS
}
_READ_AS = {"ascii": "", "latin_1": "cp1252", "utf_8_sig": "utf_8", "gb2312": "gbk"}
_NOT_LIKE_ASCII = frozenset(
    each for each in _CHARSETS if each.startswith(("iso2022", "utf_16", "utf_32"))
)
_MARKS = (
    (codecs.BOM_UTF8, "utf_8"),
    (codecs.BOM_UTF16_LE, "utf_16"),
    (codecs.BOM_UTF16_BE, "utf_16"),
)


def charset_of(content_type: str) -> str:
    """The Python codec that a Content-Type names; empty: none, or an unknown one.

    Args:
        content_type: The header's value, as in ``text/plain; charset="ISO-8859-1"``.
    """
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            label = value.strip().strip("\"'").lower()[:MAX_LABEL]
            codec = _LABELS.get(label.replace("-", "_").replace(" ", "_"), "")
            return _READ_AS.get(codec, codec)
    return ""


def codings_of(*headers: str) -> tuple[str, ...]:
    """The codings that Content-Encoding and Transfer-Encoding name, in order of application."""
    names = (part.strip().lower() for header in headers for part in header.split(","))
    return tuple(name for name in names if name not in _NO_CODINGS)


def text_of(content: bytes, *, codings: tuple[str, ...], charset: str, limit: int) -> str:
    """A content as text, as far as it can be decoded.

    Args:
        content: As received; its end may be missing.
        codings: The result of `codings_of`.
        charset: The result of `charset_of`.
        limit: How many bytes to decompress at most, at each of the codings.
    """
    if codings and content:
        content = _undone(content, codings, limit)
    if content.isascii() and charset not in _NOT_LIKE_ASCII:
        return content.decode("ascii")  # nearly always
    return _decoded(content, charset)


def _undone(content: bytes, codings: tuple[str, ...], limit: int) -> bytes:
    """The content without its codings; unchanged if one is unknown or wrong."""
    undone = content
    for coding in reversed(codings):
        found = _inflated(undone, coding, limit)
        if found is None or len(codings) > MAX_CODINGS:
            return content if _is_text(content) else _note(content, codings)
        undone = found
    return undone


def _note(content: bytes, codings: tuple[str, ...]) -> bytes:
    shown = ", ".join(codings[:MAX_CODINGS]).encode("utf-8", "replace")[: 3 * MAX_LABEL]
    return b"(%d bytes, encoded as %b, which cannot be shown)" % (len(content), shown)


def _inflated(content: bytes, coding: str, limit: int) -> bytes | None:
    """The decompressed content, up to *limit*; None: it is not compressed like that."""
    for wbits in _CODINGS.get(coding, ()):
        found = _unpacked(content, wbits, limit)
        if found is not None:
            return found
    return None


def _unpacked(content: bytes, wbits: int, limit: int) -> bytes | None:
    found = b""
    for _ in range(MAX_MEMBERS):
        unpacker = zlib.decompressobj(wbits)
        try:
            found += unpacker.decompress(content, limit - len(found))
        except zlib.error:
            return found or None
        content = unpacker.unused_data
        if not content or len(found) >= limit or wbits != _GZIP:
            break
    return found


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in codecs.getincrementaldecoder("utf_8")().decode(content)
    except UnicodeDecodeError:
        return False


def _decoded(content: bytes, charset: str) -> str:
    for mark, codec in _MARKS:
        if content.startswith(mark):
            return content.decode(codec, "replace").removeprefix("\ufeff")
    if not charset:
        # No known charset: UTF-8 if it is valid UTF-8, else the browsers' default.
        charset = "utf_8" if b"\0" in content or _is_text(content) else "cp1252"
    return content.decode(charset, "replace")
