"""Who is let in."""

import pytest

from portcall.management.http.access import AdministratorToken, authenticate
from portcall.management.http.errors import ArmError

KNOWN = AdministratorToken("s3cret-token-of-admin")


@pytest.mark.parametrize(
    "header",
    [
        "Bearer s3cret-token-of-admin",
        "bearer s3cret-token-of-admin",
        "Bearer   s3cret-token-of-admin ",
    ],
)
async def test_the_administrator_is_let_in(header: str) -> None:
    principal = await authenticate(header, KNOWN)
    assert principal.administrator and principal.name == "administrator"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "AuthenticationFailed"),
        ("", "AuthenticationFailed"),
        ("Bearer", "InvalidAuthenticationToken"),
        ("Bearer ", "InvalidAuthenticationToken"),
        ("Bearer s3cret-token-of-admi", "InvalidAuthenticationToken"),
        ("Bearer s3cret-token-of-admin2", "InvalidAuthenticationToken"),
        ("Bearer S3CRET-TOKEN-OF-ADMIN", "InvalidAuthenticationToken"),
        ("Basic s3cret-token-of-admin", "InvalidAuthenticationToken"),
        ("s3cret-token-of-admin", "InvalidAuthenticationToken"),
        ("Bearer \udcff\udcfe", "InvalidAuthenticationToken"),
        ("Bearer tökén", "InvalidAuthenticationToken"),
    ],
)
async def test_nobody_else_is(header: str | None, code: str) -> None:
    with pytest.raises(ArmError) as raised:
        await authenticate(header, KNOWN)
    assert (raised.value.status, raised.value.code) == (401, code)
    assert raised.value.headers["WWW-Authenticate"] == 'Bearer realm="portcall"'
    assert "s3cret" not in str(raised.value)
