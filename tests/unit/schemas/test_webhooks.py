"""The rules for each field of a webhook, and what may be shown of one."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from schemas.errors import InvalidValueError
from schemas.events import Action
from schemas.scopes import parse_scope
from schemas.webhooks import (
    MASK,
    MAX_HEADER_LENGTH,
    MAX_HEADERS,
    MAX_URI_LENGTH,
    RESERVED_HEADERS,
    Cause,
    ServiceUri,
    Sku,
    Status,
    Webhook,
    action_bits,
    action_names,
    check_headers,
    check_name,
    check_rate_limit,
    masked_headers,
    parse_service_uri,
)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("abcde", id="the shortest"),
        pytest.param("a" * 50, id="the longest"),
        pytest.param("MyWebhook01", id="both cases and digits"),
        pytest.param("12345", id="digits alone"),
    ],
)
def test_a_name_is_letters_and_digits(name: str) -> None:
    assert check_name(name, "name") == name


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param("abcd", id="too short"),
        pytest.param("a" * 51, id="too long"),
        pytest.param("my-webhook", id="a hyphen"),
        pytest.param("my.webhook", id="a dot"),
        pytest.param("my webhook", id="a space"),
        pytest.param("wébhook", id="a letter beyond ASCII"),
        pytest.param("webhook\n", id="a line break after"),
        pytest.param("../webhook", id="a path"),
    ],
)
def test_what_is_no_name_is_refused_by_its_field(name: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        check_name(name, "webhookName")
    assert caught.value.field == "webhookName"


@pytest.mark.parametrize(
    ("actions", "names"),
    [
        pytest.param(["push"], ["push"], id="one"),
        pytest.param(["delete", "push"], ["push", "delete"], id="in ACR's order"),
        pytest.param(["push", "push"], ["push"], id="twice"),
        pytest.param(list(Action), [action.value for action in Action], id="all"),
    ],
)
def test_actions_are_a_set_of_bits(actions: list[str], names: list[str]) -> None:
    assert action_names(action_bits(actions)) == names


@pytest.mark.parametrize(
    ("actions", "field"),
    [
        pytest.param([], "actions", id="none"),
        pytest.param(["push", "pull"], "actions[1]", id="an unknown one"),
        pytest.param(["ping"], "actions[0]", id="ping"),
        pytest.param(["*"], "actions[0]", id="a star"),
    ],
)
def test_bad_actions_are_refused_by_their_place(actions: list[str], field: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        action_bits(actions)
    assert caught.value.field == field


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


@pytest.mark.parametrize(
    ("text", "uri", "credentials"),
    [
        pytest.param("http://www.microsoft.com", "http://www.microsoft.com/", "", id="no path"),
        pytest.param("http://h?x=1", "http://h/?x=1", "", id="no path but a query"),
        pytest.param("HTTPS://Example.COM/Hook", "https://example.com/Hook", "", id="upper case"),
        pytest.param("https://h:443/a", "https://h/a", "", id="the scheme's own port"),
        pytest.param("http://h:8080/a", "http://h:8080/a", "", id="another port"),
        pytest.param("http://h/a/../b?q=1&q=2", "http://h/b?q=1&q=2", "", id="dots in the path"),
        pytest.param("http://h/a//b/", "http://h/a//b/", "", id="slashes in the path"),
        pytest.param("http://h/%zz", "http://h/%25zz", "", id="a broken escape"),
        pytest.param("http://h/ü", "http://h/%C3%BC", "", id="a path beyond ASCII"),
        pytest.param(
            "http://bücher.example/", "http://xn--bcher-kva.example/", "", id="a name beyond ASCII"
        ),
        pytest.param("http://xn--a/", "http://xn--a/", "", id="a name that only looks encoded"),
        pytest.param("http://a_b.example./", "http://a_b.example./", "", id="an underscore, a dot"),
        pytest.param("http://10.0.0.1/", "http://10.0.0.1/", "", id="an IPv4 address"),
        pytest.param("http://①②⑦.⓪.⓪.①/", "http://127.0.0.1/", "", id="digits in circles"),
        pytest.param("http://127.1/", "http://127.0.0.1/", "", id="a short address"),
        pytest.param("http://2130706433:81/a", "http://127.0.0.1:81/a", "", id="one number"),
        pytest.param("http://0X7F.0.0.1/", "http://127.0.0.1/", "", id="hexadecimal"),
        pytest.param("http://0177.0.0.1?a", "http://127.0.0.1/?a", "", id="octal"),
        pytest.param("http://10.0.0.1./", "http://10.0.0.1/", "", id="an address with a dot"),
        pytest.param("http://\uff11\uff12\uff17.1/", "http://127.0.0.1/", "", id="wide digits"),
        pytest.param("http://u:p@127.1/", "http://127.0.0.1/", "u:p", id="short, credentials"),
        pytest.param("http://[::1]:81/x", "http://[::1]:81/x", "", id="an IPv6 address"),
        pytest.param(
            "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "", id="IPv4 in IPv6"
        ),
        pytest.param(
            "https://$site:p%40ss@h/api?x=1", "https://h/api?x=1", "$site:p@ss", id="credentials"
        ),
        pytest.param("https://user@h/", "https://h/", "user:", id="a user alone"),
        pytest.param("https://:pw@h/", "https://h/", ":pw", id="a password alone"),
        pytest.param("https://u:p:q@h/", "https://h/", "u:p:q", id="a colon in the password"),
        pytest.param("https://h/@u:p", "https://h/@u:p", "", id="an at sign in the path"),
    ],
)
def test_a_service_uri_is_normalised(text: str, uri: str, credentials: str) -> None:
    authorization = basic(credentials) if credentials else ""
    assert parse_service_uri(text) == ServiceUri(uri, authorization)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("https://h/a?x=1", id="no credentials"),
        pytest.param("https://$site:p%40ss@h.example/api?x=1", id="user and password"),
        pytest.param("https://u:p%3Aq@h/", id="a colon in the password"),
        pytest.param("https://:pw@h/", id="a password alone"),
    ],
)
def test_the_owner_is_shown_the_credentials_again(text: str) -> None:
    shown = parse_service_uri(text).with_credentials
    assert URL(shown) == URL(text)
    assert parse_service_uri(shown) == parse_service_uri(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "is required", id="empty"),
        pytest.param("example.com/hook", "must begin with", id="no scheme"),
        pytest.param("//example.com/hook", "must begin with", id="no scheme, two slashes"),
        pytest.param("ftp://example.com/", "must begin with", id="ftp"),
        pytest.param("file:///etc/passwd", "must begin with", id="file"),
        pytest.param("javascript:alert(1)", "must begin with", id="javascript"),
        pytest.param("https:example.com", "must begin with", id="no slashes"),
        pytest.param("http:/example.com", "must begin with", id="one slash"),
        pytest.param("http://", "names no host", id="nothing behind the scheme"),
        pytest.param("http:///hook", "names no host", id="no host"),
        pytest.param("http://u:p@/", "not a URI", id="credentials but no host"),
        pytest.param("http://h:99999/", "not a URI", id="a port out of range"),
        pytest.param("http://h:x/", "not a URI", id="a port that is a word"),
        pytest.param("http://h:0/", "port 0", id="port 0"),
        pytest.param("http://h/#top", "no fragment", id="a fragment"),
        pytest.param("http://h/#", "no fragment", id="an empty fragment"),
        pytest.param("http://h/a b", "contains a space", id="a space"),
        pytest.param("http://h/\r\nX: y", "contains a space", id="a line break"),
        pytest.param("http://h\\@evil/", "contains a space", id="a backslash"),
        pytest.param("http://h\t/", "contains a space", id="a tab"),
        pytest.param("http://\u00a0h/", "not a host", id="a no-break space in the host"),
        pytest.param("http://h%20h/", "not a host", id="an escape in the host"),
        pytest.param("http://a..b/", "not a host", id="an empty label"),
        pytest.param("http://-a/", "not a host", id="a hyphen first"),
        pytest.param("http://" + "a" * 64 + ".b/", "not a host", id="a long label"),
        pytest.param("http://" + "a." * 130 + "b/", "not a host", id="a long name"),
        pytest.param("http://[fe80::1%25eth0]/", "not a host", id="an address with a zone"),
        pytest.param("http://256.1.1.1/", "ends in a number", id="a byte too large"),
        pytest.param("http://1.2.3.4.5/", "ends in a number", id="five bytes"),
        pytest.param("http://08.1.1.1/", "ends in a number", id="an octal 8"),
        pytest.param("http://4294967296/", "ends in a number", id="a number too large"),
        pytest.param("http://example.123/", "ends in a number", id="a name that ends in a number"),
        pytest.param("http://[::1/", "not a URI", id="an open bracket"),
        pytest.param("http://::1/", "not a URI", id="an address without brackets"),
        pytest.param("http://\ud800/", "not a URI", id="half a character in the host"),
        pytest.param("http://a%3Ab:c@h/", "no colon", id="a colon in the user name"),
        pytest.param("http://h/" + "a" * MAX_URI_LENGTH, "is longer", id="too long"),
    ],
)
def test_a_bad_service_uri_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_service_uri(text, "properties.serviceUri")
    assert caught.value.field == "properties.serviceUri"
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    "rest",
    ["h:99999/", "[::1/", "/", "h:x/", "256.1.1.1/", "a..b/", "h/#", "h h/", "h\\/", "]@h/"],
    ids=ascii,
)
def test_a_refusal_repeats_no_credentials(rest: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_service_uri(f"http://robot:canary@{rest}")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("text", ["http://u:canary\u2100@h/", "http://u:canary\u2100x@a.example/"])
def test_what_the_parser_says_of_credentials_is_not_repeated(text: str) -> None:
    with pytest.raises(InvalidValueError, match="not a URI") as caught:
        parse_service_uri(text)
    assert "canary" not in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_behind_a_scheme_is_a_uri_or_an_invalid_value(rest: str) -> None:
    try:
        parsed = parse_service_uri(f"http://{rest}")
    except InvalidValueError:
        return
    assert parse_service_uri(parsed.uri) == ServiceUri(parsed.uri)
    assert parsed.uri.isascii()
    assert parsed.uri.startswith("http://")


def test_custom_headers_are_given_back_as_they_came() -> None:
    headers = {"X-Key": "value", "content-type": "application/cloudevents+json", "X-Empty": ""}
    assert check_headers(headers) == headers
    longest = {f"X-{n}": "v" * MAX_HEADER_LENGTH for n in range(MAX_HEADERS)}
    assert check_headers(longest) == longest


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        pytest.param({"": "v"}, "customHeaders.", id="no name"),
        pytest.param({"X Key": "v"}, "customHeaders.X Key", id="a space in a name"),
        pytest.param({"X:Key": "v"}, "customHeaders.X:Key", id="a colon in a name"),
        pytest.param({"X\r\nY": "v"}, "customHeaders.X\r\nY", id="a line break in a name"),
        pytest.param({"Ü": "v"}, "customHeaders.Ü", id="a name beyond ASCII"),
        pytest.param({"n" * 129: "v"}, "customHeaders." + "n" * 64, id="a long name"),
        pytest.param({"X-Key": "a\r\nb"}, "customHeaders.X-Key", id="a line break in a value"),
        pytest.param({"X-Key": "a\nb"}, "customHeaders.X-Key", id="a line feed in a value"),
        pytest.param({"X-Key": "a\0b"}, "customHeaders.X-Key", id="a zero byte in a value"),
        pytest.param({"X-Key": "漢字"}, "customHeaders.X-Key", id="a value beyond Latin-1"),
        pytest.param(
            {"X-Key": "v" * (MAX_HEADER_LENGTH + 1)}, "customHeaders.X-Key", id="a long value"
        ),
        pytest.param({"X-Key": "1", "x-key": "2"}, "customHeaders.x-key", id="a name twice"),
        pytest.param(
            {f"X-{n}": "" for n in range(MAX_HEADERS + 1)}, "customHeaders", id="too many"
        ),
    ],
)
def test_bad_custom_headers_are_refused_by_name(headers: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        check_headers(headers)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        pytest.param("a\nb", "control character", id="a line feed"),
        pytest.param("Bearer 4f1c\u2026", "contains '\u2026'", id="an ellipsis"),
        pytest.param("\u6f22\n", "contains '\u6f22'", id="both"),
    ],
)
def test_a_bad_value_of_a_header_is_told_by_what_is_in_it(value: str, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        check_headers({"X-Key": value})


@pytest.mark.parametrize("name", sorted(RESERVED_HEADERS))
def test_a_reserved_header_cannot_be_set(name: str) -> None:
    with pytest.raises(InvalidValueError, match="set by Portcall itself"):
        check_headers({name.title(): "v"})


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        pytest.param("Authorization", True, id="authorization"),
        pytest.param("X-Api-Key", True, id="api key"),
        pytest.param("X-APIKEY", True, id="api key in one word"),
        pytest.param("X-Auth-Token", True, id="token"),
        pytest.param("x_client_secret", True, id="secret"),
        pytest.param("Cookie", True, id="cookie"),
        pytest.param("X-Hub-Signature", True, id="signature"),
        pytest.param("X-Passwd", True, id="passwd"),
        pytest.param("Content-Type", False, id="content type"),
        pytest.param("X-Key", False, id="a key of no kind"),
        pytest.param("webhook-id", False, id="webhook id"),
    ],
)
def test_what_looks_like_a_secret_is_masked(name: str, *, masked: bool) -> None:
    assert masked_headers({name: "value"}) == {name: MASK if masked else "value"}


def test_a_tier_bounds_the_webhooks_of_a_registry() -> None:
    assert {sku.value: sku.max_webhooks for sku in Sku} == {
        "Basic": 2,
        "Standard": 10,
        "Premium": 500,
    }


@pytest.mark.parametrize(
    ("status", "cause", "fresh", "probe"),
    [
        (Status.ENABLED, Cause.OWNER, True, True),
        (Status.DISABLED, Cause.OWNER, False, False),
        *((Status.DISABLED, cause, False, True) for cause in Cause if cause is not Cause.OWNER),
    ],
)
def test_a_probe_is_for_what_was_disabled_by_itself_too(
    status: Status, cause: Cause, *, fresh: bool, probe: bool
) -> None:
    webhook = Webhook(
        id=1,
        registry="myregistry",
        name="hook1",
        uri="http://x.example/",
        headers={},
        actions=1,
        scope=parse_scope(""),
        status=status,
        cause=cause,
    )
    assert webhook.takes(probe=False) is fresh
    assert webhook.takes(probe=True) is probe


@pytest.mark.parametrize("rate", [0, 0.1, 1, 50.5, 100_000])
def test_a_rate_limit_is_posts_a_second_or_none(rate: float) -> None:
    assert check_rate_limit(rate) == rate


@pytest.mark.parametrize("rate", [-1, 0.05, 100_001, float("nan"), float("inf")])
def test_other_rate_limits_are_refused(rate: float) -> None:
    with pytest.raises(InvalidValueError, match="POSTs a second") as refused:
        check_rate_limit(rate)
    assert refused.value.field == "rateLimit"
