"""The rules for each field of a webhook, and what may be shown of one."""

import base64

import pytest

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Action
from portcall.schemas.scopes import parse_scope
from portcall.schemas.webhooks import (
    MASK,
    MAX_HEADER_LENGTH,
    MAX_HEADERS,
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
    ("text", "uri", "authorization"),
    [
        pytest.param("https://h/a?x=1", "https://h/a?x=1", "", id="none"),
        pytest.param(
            "https://$site:p%40ss@h/api?x=1", "https://h/api?x=1", basic("$site:p@ss"), id="both"
        ),
        pytest.param("https://user@h/", "https://h/", basic("user:"), id="a user alone"),
        pytest.param("https://:pw@h", "https://h", basic(":pw"), id="a password alone"),
        pytest.param("https://u:p:q@h?", "https://h?", basic("u:p:q"), id="a colon in it"),
        pytest.param("https://u:p%3Aq@h/", "https://h/", basic("u:p:q"), id="an escaped colon"),
        pytest.param("https://u:p@q@h/", "https://h/", basic("u:p@q"), id="an at sign in it"),
        pytest.param("https://u:%zz%2f@h/", "https://h/", basic("u:%zz/"), id="a broken escape"),
        pytest.param(
            "https://\u00fc:%c3%bc@h/", "https://h/", basic("\u00fc:\u00fc"), id="beyond ASCII"
        ),
        pytest.param("https://u:%ff@h/", "https://h/", "Basic dTr/", id="a byte of no UTF-8"),
        pytest.param("http://u:p@127.1/", "http://127.1/", basic("u:p"), id="a short address"),
        pytest.param("https://h/@u:p", "https://h/@u:p", "", id="an at sign in the path"),
        pytest.param("https://@h/", "https://h/", "", id="an at sign alone"),
        pytest.param("https://:@h/", "https://h/", "", id="a colon alone"),
    ],
)
def test_user_info_becomes_basic_authentication(text: str, uri: str, authorization: str) -> None:
    parsed = parse_service_uri(text)
    assert (parsed.uri, parsed.authorization) == (uri, authorization)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("https://h/a?x=1", id="no credentials"),
        pytest.param("https://$site:p%40ss@h.example/api?x=1", id="user and password"),
        pytest.param("https://%24site:p%2fss@h.example?", id="escapes that need not be"),
        pytest.param("https://u:p%3Aq@h/", id="a colon in the password"),
        pytest.param("https://u:p'(~)*!@h/", id="signs"),
        pytest.param("https://u:%ff%zz@h/", id="bytes"),
        pytest.param("https://:pw@h/", id="a password alone"),
        pytest.param("https://u:@h/", id="an empty password"),
        pytest.param("https://@h/", id="an at sign alone"),
    ],
)
def test_the_owner_is_shown_the_uri_as_it_was_set(text: str) -> None:
    parsed = parse_service_uri(text)
    assert parsed.with_credentials == text
    assert parse_service_uri(parsed.with_credentials) == parsed


@pytest.mark.parametrize("pair", ["$site:p@ss", "u:", ":p", "u:p:q", "\u00fc:/?#[]@%"])
def test_credentials_of_which_only_the_header_is_kept_are_shown_so_that_they_give_it(
    pair: str,
) -> None:
    """Webhooks that were stored before the user info was kept."""
    shown = ServiceUri("https://h/a?x=1", basic(pair)).with_credentials
    again = parse_service_uri(shown)
    assert (again.uri, again.authorization) == ("https://h/a?x=1", basic(pair))


def test_credentials_that_do_not_give_the_header_are_those_of_an_earlier_uri() -> None:
    """A process of an older version changed the URI and the header, and left the credentials."""
    before = parse_service_uri("https://u:canary@a.example/x")
    for header in ("", basic("v:other")):
        shown = ServiceUri("https://b.example/y", header, before.credentials).with_credentials
        assert "canary" not in shown
        assert parse_service_uri(shown).authorization == header


def test_a_colon_in_the_user_name_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="no colon"):
        parse_service_uri("http://a%3Ab:c@h/")


def test_what_is_shown_of_a_service_uri_has_no_credentials() -> None:
    assert "canary" not in repr(parse_service_uri("https://u:canary@h/"))


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
