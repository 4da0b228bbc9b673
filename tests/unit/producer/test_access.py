"""Tokens."""

import pytest

from producer.access import AdministratorAccess, bearer_token
from producer.errors import UnauthorizedError

TOKEN = "0123456789abcdef"  # noqa: S105 (of the tests alone)


@pytest.mark.parametrize(
    ("header", "token"),
    [
        (f"Bearer {TOKEN}", TOKEN),
        (f"bearer {TOKEN}", TOKEN),
        (f"BEARER   {TOKEN} ", TOKEN),
        ("Bearer a b", "a b"),
    ],
)
def test_token_is_taken_from_the_header(header: str, token: str) -> None:
    assert bearer_token(header) == token


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", TOKEN, f"Basic {TOKEN}"])
def test_anything_else_is_no_token(header: str | None) -> None:
    with pytest.raises(UnauthorizedError):
        bearer_token(header)


@pytest.mark.parametrize(
    ("token", "yes"),
    [
        (TOKEN, True),
        (TOKEN[:-1], False),
        (TOKEN + "0", False),
        (TOKEN.upper(), False),
        ("", False),
        ("\udcff", False),
        ("ä", False),
    ],
)
async def test_administrator_is_admitted_to_every_registry(*, token: str, yes: bool) -> None:
    assert await AdministratorAccess(TOKEN).admits(token, "myregistry") is yes
