"""URIs: what is kept, what is sent, where it leads, and what is refused."""

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.uris import MAX_URI_LENGTH, parse_uri

KEPT = [
    pytest.param("?sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=a-B_c", id="Logic Apps"),
    pytest.param("/hook?code=a%2Bb%3D%3D&x=1", id="Functions"),
    pytest.param("/%40%3A%27%28%41%7E%7e", id="escapes that need not be"),
    pytest.param("/%2f%2F?%2f%c3%A4", id="escapes in both cases"),
    pytest.param("/%zz/%/%4?%zz=%", id="broken escapes"),
    pytest.param("/hook?", id="a question mark at the end"),
    pytest.param("/hook??a?", id="question marks"),
    pytest.param("/a/../b/./c/..", id="dots"),
    pytest.param("/a/%2e%2e/%2E/b", id="escaped dots"),
    pytest.param("/../..", id="dots above the root"),
    pytest.param("//a///b//", id="slashes"),
    pytest.param("/a;v=1;w/b;?c;d=;", id="semicolons"),
    pytest.param("/a+b?c+d=%20+&&e==", id="plus signs and separators"),
    pytest.param("/@u:p/:80", id="what looks like an authority"),
    pytest.param("/?next=http://x.example/a/../b", id="another URI in the query"),
    pytest.param("/[a]{b}|\"<c>^`d`'!$&()*,~", id="signs that HTTP carries"),
    pytest.param("/AbC?DeF", id="both cases"),
]
HOSTS = [
    pytest.param("http", "h", "h", 80, id="a name"),
    pytest.param("HTTPS", "Example.COM", "example.com", 443, id="upper case"),
    pytest.param("https", "h:443", "h", 443, id="the scheme's own port, written out"),
    pytest.param("http", "h:443", "h", 443, id="the other scheme's port"),
    pytest.param("http", "h:00080", "h", 80, id="zeros before a port"),
    pytest.param("https", "h:", "h", 443, id="a colon without a port"),
    pytest.param("http", "h:65535", "h", 65535, id="the last port"),
    pytest.param("https", "Dot.example.:8443", "dot.example.", 8443, id="a dot at the end"),
    pytest.param("http", "a_b.x-y", "a_b.x-y", 80, id="an underscore, a hyphen"),
    pytest.param("http", "xn--a", "xn--a", 80, id="a name that only looks encoded"),
    pytest.param("http", "10.0.0.1", "10.0.0.1", 80, id="an IPv4 address"),
    pytest.param("http", "127.1:81", "127.0.0.1", 81, id="a short address"),
    pytest.param("http", "2130706433", "127.0.0.1", 80, id="one number"),
    pytest.param("http", "0X7F.0.0.1", "127.0.0.1", 80, id="hexadecimal"),
    pytest.param("http", "0177.0.0.1", "127.0.0.1", 80, id="octal"),
    pytest.param("http", "10.0.0.1.", "10.0.0.1", 80, id="an address with a dot"),
    pytest.param("http", "[::1]:81", "::1", 81, id="an IPv6 address"),
    pytest.param("http", "[::ffff:127.0.0.1]", "::ffff:7f00:1", 80, id="IPv4-mapped, dotted"),
    pytest.param("http", "[::FFFF:7F00:1]", "::ffff:7f00:1", 80, id="IPv4-mapped, in hex"),
    pytest.param("http", "[::ffff:0:0]", "::ffff:0:0", 80, id="IPv4-mapped zeros"),
    pytest.param("http", "[2001:DB8:0::1]", "2001:db8::1", 80, id="an IPv6 address, long"),
]
ENCODED = [
    pytest.param("http://h/\u00fc?\u20ac=\u00fc", "http://h/%C3%BC?%E2%82%AC=%C3%BC", id="letters"),
    pytest.param("http://h/%c3\u00fc", "http://h/%c3%C3%BC", id="beside an escape"),
    pytest.param("http://h/\U0001f40b", "http://h/%F0%9F%90%8B", id="a whale"),
    pytest.param("http://u\u0308/", "http://xn--tda/", id="a name in two characters"),
    pytest.param("http://B\u00fccher.Example/A", "http://xn--bcher-kva.example/A", id="a name"),
    pytest.param(
        "http://b\u00fccher.example.:81", "http://xn--bcher-kva.example.:81", id="dot and port"
    ),
    pytest.param("http://\u2460\u2461\u2466.1/", "http://127.1/", id="digits in circles"),
    pytest.param("http://\uff11\uff12\uff17\u30021/", "http://127.1/", id="wide digits, wide dot"),
    pytest.param("http://\uff21.test/", "http://a.test/", id="a wide letter"),
]
REFUSED = [
    pytest.param("", "is required", id="empty"),
    pytest.param("example.com/hook", "must begin with", id="no scheme"),
    pytest.param("//example.com/hook", "must begin with", id="no scheme, two slashes"),
    pytest.param("ftp://example.com/", "must begin with", id="ftp"),
    pytest.param("file:///etc/passwd", "must begin with", id="file"),
    pytest.param("javascript:alert(1)", "must begin with", id="javascript"),
    pytest.param("https:example.com", "must begin with", id="no slashes"),
    pytest.param("http:/example.com", "must begin with", id="one slash"),
    pytest.param("httpss://h/", "must begin with", id="a longer scheme"),
    pytest.param("http://", "names no host", id="nothing behind the scheme"),
    pytest.param("http:///hook", "names no host", id="no host"),
    pytest.param("http://?x", "names no host", id="no host, a query"),
    pytest.param("http://u:p@/", "names no host", id="credentials but no host"),
    pytest.param("http://:80/", "names no host", id="a port but no host"),
    pytest.param("http://h:99999/", "at most 65535", id="a port out of range"),
    pytest.param("http://h:65536/", "at most 65535", id="the port after the last"),
    pytest.param(f"http://h:{'9' * 500}/", "at most 65535", id="a long port"),
    pytest.param("http://h:x/", "only a port may follow the host", id="a port that is a word"),
    pytest.param("http://h:+80/", "only a port may follow the host", id="a port with a sign"),
    pytest.param("http://h:8_0/", "only a port may follow the host", id="a port as Python has it"),
    pytest.param(
        "http://h:\uff18\uff10/", "only a port may follow the host", id="a port in wide digits"
    ),
    pytest.param("http://h:80:81/", "only a port may follow the host", id="two ports"),
    pytest.param(
        "http://[::1]x/", "only a port may follow the host", id="letters behind a bracket"
    ),
    pytest.param(
        "http://x[::1]/", "only a port may follow the host", id="letters before a bracket"
    ),
    pytest.param("http://[::1/", "only a port may follow the host", id="an open bracket"),
    pytest.param(
        "http://::1/", "only a port may follow the host", id="an address without brackets"
    ),
    pytest.param("http://h:0/", "port 0", id="port 0"),
    pytest.param("http://h:000/", "port 0", id="port 0, longer"),
    pytest.param(
        "http://h/#top",
        "no fragment (#...): there is a # at character 10; write %23",
        id="a fragment",
    ),
    pytest.param("http://h/?a#", "# at character 12", id="an empty fragment"),
    pytest.param("http://h#@a.test/", "# at character 9", id="a fragment behind the host"),
    pytest.param("http://h/a b", "a space at character 11; write %20", id="a space"),
    pytest.param(" http://h/", "a space at character 1; remove it", id="a space before"),
    pytest.param("http://h/ ", "a space at character 10; remove it", id="a space after"),
    pytest.param("http://h/  ", "a space at character 10; remove it", id="two spaces after"),
    pytest.param("http:// h/", "a space at character 8; remove it", id="a space before the host"),
    pytest.param("http://a b/", "a space at character 9; remove it", id="a space in the host"),
    pytest.param("http://a b@h/", "a space at character 9; write %20", id="a space in user info"),
    pytest.param("http://h?a b", "a space at character 11; write %20", id="a space in the query"),
    pytest.param("a b", "a space at character 2; write %20", id="a space and no host"),
    pytest.param("http://h/\r\nX: y", "control character (U+000D) at character 10", id="CR LF"),
    pytest.param("http://h/a\nb", "control character (U+000A) at character 11", id="a line feed"),
    pytest.param("http://h\t/", "control character (U+0009) at character 9", id="a tab"),
    pytest.param("http://h/\0", "control character (U+0000)", id="a zero byte"),
    pytest.param("http://h/\x7f", "control character (U+007F)", id="DEL"),
    pytest.param("http://h/\x85", "control character (U+0085)", id="a control beyond ASCII"),
    pytest.param("http://h\\@evil/", "a backslash at character 9; write %5C", id="a backslash"),
    pytest.param("http://h/\u00a0", "a space (U+00A0)", id="a no-break space"),
    pytest.param("http://h/\u3000", "a space (U+3000)", id="a wide space"),
    pytest.param("http://\u00a0h/", "a space (U+00A0)", id="a no-break space in the host"),
    pytest.param("http://h/\u200b", "invisible character (U+200B)", id="a space of no width"),
    pytest.param("\ufeffhttp://h/", "invisible character (U+FEFF)", id="a byte order mark"),
    pytest.param("http://h/\u202e", "invisible character (U+202E)", id="right to left"),
    pytest.param("http://h\u00ad/", "invisible character (U+00AD)", id="a soft hyphen"),
    pytest.param("http://h/\u2028", "line break (U+2028)", id="a line separator"),
    pytest.param("http://\ud800/", "half a character (U+D800)", id="half a character"),
    pytest.param("http://h/\udfff", "half a character (U+DFFF)", id="the other half"),
    pytest.param("http://h%20h/", "not a host", id="an escape in the host"),
    pytest.param("http://%68/", "not a host", id="an escaped host"),
    pytest.param("http://a..b/", "not a host", id="an empty label"),
    pytest.param("http://a../", "not a host", id="two dots at the end"),
    pytest.param("http://.a/", "not a host", id="a dot first"),
    pytest.param("http://./", "not a host", id="a dot alone"),
    pytest.param("http://-a/", "not a host", id="a hyphen first"),
    pytest.param("http://a!b/", "not a host", id="a sign in the host"),
    pytest.param("http://a\u2100b/", "not a host", id="a letter that hides a slash"),
    pytest.param("http://a\uff0fb/", "not a host", id="a wide slash"),
    pytest.param("http://a\uff1a80/", "not a host", id="a wide colon"),
    pytest.param("http://a\uff20b/", "not a host", id="a wide at sign"),
    pytest.param("http://" + "a" * 64 + ".b/", "not a host", id="a long label"),
    pytest.param("http://" + "a." * 130 + "b/", "not a host", id="a long name"),
    pytest.param("http://[]/", "not a host", id="empty brackets"),
    pytest.param("http://[h]/", "not a host", id="a name in brackets"),
    pytest.param("http://[127.0.0.1]/", "not a host", id="IPv4 in brackets"),
    pytest.param("http://[v1.a]/", "not a host", id="an address of the future"),
    pytest.param("http://[fe80::1%25eth0]/", "not a host", id="an address with a zone"),
    pytest.param("http://[fe80::1%eth0]/", "not a host", id="an address with a bare zone"),
    pytest.param("http://[::\uff11]/", "not a host", id="IPv6 in wide digits"),
    pytest.param("http://256.1.1.1/", "ends in a number", id="a byte too large"),
    pytest.param("http://1.2.3.4.5/", "ends in a number", id="five bytes"),
    pytest.param("http://08.1.1.1/", "ends in a number", id="an octal 8"),
    pytest.param("http://4294967296/", "ends in a number", id="a number too large"),
    pytest.param("http://example.123/", "ends in a number", id="a name that ends in a number"),
    pytest.param("http://u:]@h/", "brackets in user info", id="a bracket in the user info"),
    pytest.param("http://h/" + "a" * MAX_URI_LENGTH, "is longer", id="too long"),
    pytest.param("http://h/" + "\u20ac" * 600, "is 5409 characters long", id="too long encoded"),
    pytest.param(
        "http://" + "\u20ac" * 600 + "@h/", "is 5410 characters long", id="too long user info"
    ),
]


@pytest.mark.parametrize("rest", ["", "/", "?", "?x=1", *KEPT])
def test_path_and_query_are_kept_byte_for_byte(rest: str) -> None:
    uri = parse_uri(f"https://h{rest}")
    assert uri.text == f"https://h{rest}"
    assert uri.target == (rest if rest.startswith("/") else f"/{rest}")
    assert uri.requested == f"https://h{uri.target}"


@pytest.mark.parametrize(("scheme", "authority", "host", "port"), HOSTS)
def test_a_host_is_kept_as_written_and_connected_to_in_its_one_form(
    scheme: str, authority: str, host: str, port: int
) -> None:
    text = f"{scheme}://{authority}/x"
    uri = parse_uri(text)
    assert (uri.text, uri.authority, uri.origin) == (text, authority, f"{scheme}://{authority}")
    assert (uri.host, uri.port, uri.tls) == (host, port, scheme.lower() == "https")


@pytest.mark.parametrize(("text", "kept"), ENCODED)
def test_what_is_beyond_ascii_is_encoded_once(text: str, kept: str) -> None:
    assert parse_uri(text).text == kept
    assert parse_uri(kept).text == kept
    assert parse_uri(text).host == parse_uri(kept).host


@pytest.mark.parametrize(("text", "problem"), REFUSED)
def test_a_bad_uri_is_refused_by_its_field_and_place(text: str, problem: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_uri(text, "properties.serviceUri")
    assert caught.value.field == "properties.serviceUri"
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    "rest",
    [
        "h:99999/", "[::1/", "/", "h:x/", "256.1.1.1/", "a..b/", "h/#", "h h/", "h\\/", "]@h/",
        "h:canary/", "\u2100/", "h/\u200b", "[canary/",
    ],
    ids=ascii,
)  # fmt: skip
def test_a_refusal_repeats_no_credentials(rest: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_uri(f"http://robot:canary@{rest}")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("text", ["http://robot:canary/x@h/", "http://robot:can?ary@h/"])
def test_a_password_that_ends_the_authority_is_not_repeated(text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_uri(text)
    assert "can" not in str(caught.value).replace("cannot", "")


def test_the_credentials_are_no_part_of_what_is_shown() -> None:
    uri = parse_uri("https://u:canary@h/x")
    assert uri.credentials == "u:canary@"
    assert "canary" not in f"{uri!r} {uri.text} {uri.requested} {uri.origin} {uri.authority}"


@pytest.mark.parametrize("length", [MAX_URI_LENGTH, MAX_URI_LENGTH + 1])
def test_the_limit_counts_what_is_kept_credentials_too(length: int) -> None:
    text = "http://\u00fc:p@h/\u00fc"
    text += "a" * (length - len("http://%C3%BC:p@h/%C3%BC"))
    if length <= MAX_URI_LENGTH:
        kept = parse_uri(text)
        assert len(kept.text) + len(kept.credentials) == length
        return
    with pytest.raises(InvalidValueError, match=f"is {length} characters long"):
        parse_uri(text)


def test_a_uri_that_was_kept_before_may_be_longer() -> None:
    text = "http://h/" + "%E2%82%AC" * 600
    assert parse_uri(text, max_length=0).text == text


@given(st.text(max_size=40))
@example("h:80@x/")
@example("a@b@c")
@example("[::1]:80?/@x")
def test_any_text_is_a_uri_or_an_invalid_value_and_is_kept_where_it_is_ascii(rest: str) -> None:
    try:
        uri = parse_uri(f"http://{rest}")
    except InvalidValueError:
        return
    assert uri.text.isascii()
    assert parse_uri(uri.text).text == uri.text
    if rest.isascii():
        assert f"http://{uri.credentials}{uri.authority}{uri.rest}" == f"http://{rest}"


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30))
@example("h:80@x/")
@example("x/@h")
@example("x?@h")
@example("a@b@c:1")
@example("@[::1]:8/:9")
def test_other_parsers_find_the_same_host_and_port(rest: str) -> None:
    """Nothing of ours uses them; a proxy or a receiver may read as they do."""
    try:
        uri = parse_uri(f"http://{rest}")
    except InvalidValueError:
        return
    other = urlsplit(f"http://{rest}")
    assert other.netloc == f"{uri.credentials}{uri.authority}"
    assert (other.port or 80) == uri.port
    written = uri.authority.partition("]")[0].lstrip("[").partition(":")[0]
    assert (other.hostname or "").partition(":")[0] == written.lower()


@given(st.text(max_size=40))
def test_what_was_kept_in_the_normalised_form_of_before_is_sent_as_it_is(rest: str) -> None:
    """Until 0.1 service URIs were kept as yarl writes them."""
    try:
        parse_uri(f"http://h/{rest}")
        before = str(URL(str(URL(f"http://h/{rest}"))))
    except (InvalidValueError, ValueError, UnicodeError):
        return
    assert parse_uri(before, max_length=0).requested == before
