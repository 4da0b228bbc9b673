"""What the token endpoint reads of a body, and its refusals; as tables."""

from urllib.parse import urlencode

import pytest
from msgspec import to_builtins

from portcall.management.login.oauth import (
    MAX_FIELDS,
    OAuthError,
    TokenRequest,
    audience_of,
    is_guid,
    read_request,
)
from portcall.store.access.access_tokens import AUDIENCE

FORM = "application/x-www-form-urlencoded"
ORIGIN = "https://127.0.0.1:8443"
AZ = {
    "client_id": "id",
    "client_secret": "s+e/c=r&t",
    "grant_type": "client_credentials",
    "scope": f"{AUDIENCE}/.default",
    "client_info": "1",
    "claims": '{"access_token": {}}',
}
"""As az sends it: the audience has a slash of its own."""


def read(changes: dict[str, str | None], content_type: str = FORM) -> TokenRequest:
    fields = {name: value for name, value in {**AZ, **changes}.items() if value is not None}
    return read_request(urlencode(fields).encode(), content_type, ORIGIN)


def test_what_az_sends_is_read() -> None:
    assert read({}) == TokenRequest("id", "s+e/c=r&t", AUDIENCE)


@pytest.mark.parametrize(
    ("scope", "audience"),
    [
        ("https://management.local.azurecr/.default", "https://management.local.azurecr"),
        ("https://management.local.azurecr//.default", "https://management.local.azurecr/"),
        ("https://management.azure.com/.default", "https://management.azure.com"),
        ("https://management.azure.com//.default", "https://management.azure.com/"),
        ("https://management.core.windows.net//.default", "https://management.core.windows.net/"),
        (f"{ORIGIN}/.default", AUDIENCE),
        (f"{ORIGIN}//.default", AUDIENCE),
        (None, AUDIENCE),
    ],
)
def test_a_token_is_for_what_the_scope_says(scope: str | None, audience: str) -> None:
    assert read({"scope": scope}).audience == audience


def test_a_resource_is_as_good_as_a_scope() -> None:
    asked = read({"scope": None, "resource": "https://management.azure.com/"})
    assert asked.audience == "https://management.azure.com/"


@pytest.mark.parametrize(
    ("changes", "status", "error", "told"),
    [
        ({"grant_type": None}, 400, "invalid_request", "AADSTS900144: .*'grant_type'"),
        ({"grant_type": ""}, 400, "invalid_request", "'grant_type'"),
        ({"client_id": None}, 400, "invalid_request", "'client_id'"),
        ({"client_secret": None}, 400, "invalid_request", "'client_secret'"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", "'password' is not supp"),
        ({"grant_type": "urn:x"}, 400, "unsupported_grant_type", "AADSTS70003: "),
        ({"scope": "https://graph.microsoft.com/.default"}, 400, "invalid_scope", "AADSTS70011"),
        ({"scope": "https://management.azure.com/user"}, 400, "invalid_scope", "use 'https://man"),
        ({"scope": "x .default"}, 400, "invalid_scope", "'x .default'"),
        ({"scope": None, "resource": "https://x/"}, 400, "invalid_scope", "resource 'https://x/'"),
        ({"client_secret": None, "client_assertion": "eyJ"}, 401, "invalid_client", "Certificates"),
        ({"client_id": "x" * 65}, 400, "invalid_request", "'client_id' is too long"),
        ({"client_secret": "x" * 257}, 400, "invalid_request", "'client_secret' is too long"),
        ({"scope": "x" * 1025}, 400, "invalid_request", "'scope' is too long"),
        ({"more": "x" * 4097}, 400, "invalid_request", "'more' is too long"),
    ],
)
def test_a_refusal_is_in_the_words_of_oauth(
    changes: dict[str, str | None], status: int, error: str, told: str
) -> None:
    with pytest.raises(OAuthError) as raised:
        read(changes)
    assert (raised.value.status, raised.value.error) == (status, error)
    document = to_builtins(raised.value.document())
    assert set(document) == {"error", "error_description", "error_codes"}
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(document["error_description"])


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        pytest.param(b"", FORM, id="empty"),
        pytest.param(b'{"client_id": "x"}', "application/json", id="JSON"),
        pytest.param(urlencode(AZ).encode(), "", id="no type"),
        pytest.param(b"client_id=a&client_id=b", FORM, id="twice"),
        pytest.param(b"grant_type=\xff", FORM, id="no UTF-8"),
        pytest.param(b"grant_type=%ff", FORM, id="no UTF-8, encoded"),
        pytest.param(b"&".join([b"a=b"] * (MAX_FIELDS + 1)), FORM, id="many fields"),
    ],
)
def test_what_is_no_form_is_an_invalid_request(content: bytes, content_type: str) -> None:
    with pytest.raises(OAuthError) as raised:
        read_request(content, content_type, ORIGIN)
    assert (raised.value.status, raised.value.error) == (400, "invalid_request")


def test_a_refusal_does_not_repeat_the_secret() -> None:
    for changes in ({"grant_type": "x"}, {"client_secret": "hush" * 100}, {"scope": "x"}):
        with pytest.raises(OAuthError) as raised:
            read({"client_secret": "hush", **changes})
        assert "hush" not in str(raised.value.document())


@pytest.mark.parametrize("resource", ["", "x", "https://management.azure.com.evil/", ORIGIN + "0"])
def test_other_audiences_are_none_of_ours(resource: str) -> None:
    assert audience_of(resource, ORIGIN) is None


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("6F1F4A9C-0000-4000-8000-000000000001", True),
        ("6f1f4a9c-0000-4000-8000-000000000001", True),
        ("6f1f4a9c000040008000000000000001", False),
        ("{6f1f4a9c-0000-4000-8000-000000000001}", False),
        ("", False),
        ("x" * 36, False),
    ],
)
def test_a_guid_has_its_usual_form(*, text: str, yes: bool) -> None:
    assert is_guid(text) is yes
