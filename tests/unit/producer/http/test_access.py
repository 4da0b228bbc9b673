"""Tokens."""

from collections.abc import Callable

import pytest

from portcall.producer.http.access import TokenAccess, bearer_token
from portcall.producer.http.errors import (
    ForbiddenError,
    UnauthorizedError,
    UnavailableError,
    UnknownRegistryError,
)
from portcall.store.access.principals import PrincipalRow, Role
from portcall.store.errors import StoreUnavailableError

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


class FakeHolders:
    """Those who hold tokens named after their role."""

    def __init__(self) -> None:
        self.is_away = False

    async def holder(self, token: str) -> PrincipalRow | None:
        if self.is_away:
            raise StoreUnavailableError("away")
        return _principal(token)

    def known(self, token: str) -> Callable[[], PrincipalRow | None]:
        return lambda: None if self.is_away else _principal(token)


def _principal(token: str) -> PrincipalRow | None:
    if token not in list(Role):
        return None
    registry = "myregistry" if token == Role.PUBLISHER else ""
    return PrincipalRow("id", "robot", Role(token), registry, b"", 0, None, None, None)


@pytest.fixture
def holders() -> FakeHolders:
    return FakeHolders()


@pytest.fixture
def access(holders: FakeHolders) -> TokenAccess:
    return TokenAccess(TOKEN, holders)


@pytest.mark.parametrize("registry", ["myregistry", "other"])
@pytest.mark.parametrize("token", [TOKEN, "administrator"])
async def test_administrators_are_admitted_to_every_registry(
    token: str, registry: str, access: TokenAccess
) -> None:
    await access.check(token, registry)


@pytest.mark.parametrize("token", [TOKEN[:-1], TOKEN + "0", TOKEN.upper(), "", "\udcff", "ä"])
async def test_nobodys_token_is_refused(token: str, access: TokenAccess) -> None:
    with pytest.raises(UnauthorizedError):
        await access.check(token, "myregistry")


async def test_a_publisher_is_admitted_to_its_own_registry_alone(access: TokenAccess) -> None:
    for name in ("myregistry", "MyRegistry"):
        await access.check("publisher", name)
    for name in ("other", "Other", "not/a/name", ""):
        with pytest.raises(UnknownRegistryError) as raised:
            await access.check("publisher", name)
        assert str(raised.value) == f"the registry {name!r} does not exist"


async def test_a_reader_publishes_nothing(access: TokenAccess) -> None:
    with pytest.raises(ForbiddenError, match="'robot', a reader: it may not publish"):
        await access.check("reader", "myregistry")


async def test_without_the_store_the_administrators_token_is_known(
    access: TokenAccess, holders: FakeHolders
) -> None:
    holders.is_away = True
    await access.check(TOKEN, "myregistry")
    with pytest.raises(UnavailableError):
        await access.check("publisher", "myregistry")


@pytest.mark.parametrize(
    ("token", "registry", "stands"),
    [
        (TOKEN, "other", True),
        ("administrator", "other", True),
        ("publisher", "MyRegistry", True),
        ("publisher", "other", False),
        ("reader", "myregistry", False),
        ("nobody", "myregistry", False),
    ],
)
def test_a_standing_says_the_same_without_waiting(
    token: str, registry: str, *, stands: bool, access: TokenAccess
) -> None:
    assert access.standing(token, registry)() is stands


def test_a_standing_is_asked_anew_each_time(access: TokenAccess, holders: FakeHolders) -> None:
    stands, ours = access.standing("publisher", "myregistry"), access.standing(TOKEN, "myregistry")
    assert stands()
    holders.is_away = True  # its holder is not known any more: it must be asked
    assert not stands()
    assert ours()
