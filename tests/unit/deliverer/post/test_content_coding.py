"""Contents as text: codings undone within a bound, charsets read, nothing raised."""

import codecs
import gzip
import time
import zlib

import pytest

from portcall.deliverer.post.content_coding import (
    _CHARSETS,
    _LABELS,
    charset_of,
    codings_of,
    text_of,
)

LIMIT = 16_384
WORDS = "Grüße, 12 €"


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


def shown(content: bytes, *codings: str, charset: str = "") -> str:
    return text_of(content, codings=codings, charset=charset, limit=LIMIT)


@pytest.mark.parametrize(
    ("content_type", "charset"),
    [
        ("", ""),
        ("text/plain", ""),
        ("text/plain; charset=utf-8", "utf_8"),
        ('text/plain; charset="UTF-8"', "utf_8"),
        ("text/plain;charset='utf8'", "utf_8"),
        ("text/html; a=b; Charset = ISO-8859-1", "cp1252"),
        ("text/plain; charset=latin1", "cp1252"),
        ("text/plain; charset=windows-1251", "cp1251"),
        ("text/plain; charset=ISO-8859-15", "iso8859_15"),
        ("text/plain; charset=Shift_JIS", "shift_jis"),
        ("text/plain; charset=utf-16le", "utf_16_le"),
        ("text/plain; charset=gb2312", "gbk"),
        ("text/plain; charset=us-ascii", ""),
        ("text/plain; charset=klingon", ""),
        ("text/plain; charset=", ""),
        ("text/plain; charset", ""),
        ("text/plain; charset=idna", ""),
        ("text/plain; charset=rot13", ""),
        ("text/plain; charset=zlib_codec", ""),
        ("text/plain; charset=unicode_escape", ""),
        ("text/plain; charset=" + "x" * 100_000, ""),
    ],
    ids=lambda text: text[:50],
)
def test_the_charset_of_a_content_type(content_type: str, charset: str) -> None:
    assert charset_of(content_type) == charset


def test_every_charset_can_be_read() -> None:
    assert {codecs.lookup(codec).name for codec in _CHARSETS}
    assert set(_LABELS.values()) == _CHARSETS
    for codec in _CHARSETS:
        assert shown(b"ok?\xff", charset=codec)


@pytest.mark.parametrize(
    ("headers", "codings"),
    [
        (("", ""), ()),
        (("identity", "chunked"), ()),
        (("gzip", ""), ("gzip",)),
        ((" GZIP , x-gzip", "chunked"), ("gzip", "x-gzip")),
        (("deflate", "gzip, chunked"), ("deflate", "gzip")),
        (("br", ""), ("br",)),
    ],
)
def test_the_codings_of_a_content(headers: tuple[str, str], codings: tuple[str, ...]) -> None:
    assert codings_of(*headers) == codings


@pytest.mark.parametrize(
    ("content", "codings"),
    [
        (WORDS.encode(), ()),
        (gzip.compress(WORDS.encode()), ("gzip",)),
        (gzip.compress(WORDS.encode()), ("x-gzip",)),
        (gzip.compress(b"Gr") + gzip.compress(WORDS[2:].encode()), ("gzip",)),
        (zlib.compress(WORDS.encode()), ("deflate",)),
        (raw_deflate(WORDS.encode()), ("deflate",)),
        (gzip.compress(zlib.compress(WORDS.encode())), ("deflate", "gzip")),
        (WORDS.encode(), ("gzip",)),
        (WORDS.encode(), ("br",)),
    ],
    ids=[
        "none", "gzip", "x-gzip", "members", "deflate", "raw-deflate", "two", "not-gzip", "not-br",
    ],
)  # fmt: skip
def test_codings_are_undone(content: bytes, codings: tuple[str, ...]) -> None:
    assert shown(content, *codings) == WORDS


def test_what_is_there_of_a_content_that_was_cut_is_shown() -> None:
    text = "".join(f"line {number}\n" for number in range(5000))
    cut = gzip.compress(text.encode())[:8000]
    found = shown(cut, "gzip")
    assert len(found) > 4096
    assert text.startswith(found)


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip", "deflate", "x" * 1000])
def test_what_cannot_be_undone_is_named_and_not_shown(coding: str) -> None:
    found = shown(bytes(range(128, 256)), coding)
    assert found == f"(128 bytes, encoded as {coding[:120]}, which cannot be shown)"


def bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    part = b"a" * 2**20
    return b"".join(packer.compress(part) for _ in range(64)) + packer.flush()


@pytest.mark.parametrize(
    ("content", "codings"),
    [
        (bomb(), ("gzip",)),
        (gzip.compress(bomb()), ("gzip", "gzip")),
        (gzip.compress(b"") * 800, ("gzip",)),
        (b"x" * LIMIT, ("gzip",) * 5000),
    ],
    ids=["bomb", "in-a-bomb", "members", "codings"],
)
def test_a_bomb_is_inflated_to_the_limit_only(content: bytes, codings: tuple[str, ...]) -> None:
    began = time.process_time()
    assert len(shown(content, *codings)) <= LIMIT
    assert time.process_time() - began < 0.1


@pytest.mark.parametrize(
    ("content", "charset", "text"),
    [
        ("été".encode("latin-1"), "cp1252", "été"),
        (b"\x93hi\x94", "cp1252", "\u201chi\u201d"),
        ("été".encode("latin-1"), "", "été"),
        ("été".encode(), "", "été"),
        ("привет".encode("koi8-r"), "koi8_r", "привет"),
        ("日本".encode("shift_jis"), "shift_jis", "日本"),
        ("日本".encode("iso2022_jp"), "iso2022_jp", "日本"),
        ("hello".encode("utf-16-le"), "utf_16_le", "hello"),
        ("hello".encode("utf-16"), "", "hello"),
        (codecs.BOM_UTF8 + b"hello", "", "hello"),
        (b"\x00\x01\xff", "", "\x00\x01\ufffd"),
        ("é€".encode()[:-1], "", "é\ufffd"),
    ],
    ids=ascii,
)
def test_charsets_are_read(content: bytes, charset: str, text: str) -> None:
    assert shown(content, charset=charset) == text
