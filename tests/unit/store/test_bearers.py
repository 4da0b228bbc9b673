"""Who holds a token: what is asked of the store, and what is remembered."""

import asyncio
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from portcall.runtime.clock import now_ms
from portcall.store import bearers
from portcall.store.access.access_tokens import AUDIENCE, issue
from portcall.store.access.principals import PrincipalRow, Role, digest_of, new_secret
from portcall.store.access.signing_keys import SigningKey
from portcall.store.bearers import FRESH_S, RETRY_S, STALE_S, Bearers
from portcall.store.errors import StoreUnavailableError
from tests.unit.store.access.test_access_tokens import KEY, OTHER, TENANT

if TYPE_CHECKING:
    from portcall.store.engine import Store

SECRET = new_secret()
ROBOT = PrincipalRow(
    "99999999-2222-4333-8444-555555555555",
    "robot",
    Role.READER,
    "",
    digest_of(SECRET),
    0,
    None,
    None,
    None,
)


class FakeTables:
    """Principals, keys and the installation; fails as a database that is away."""

    def __init__(self) -> None:
        self.rows = [ROBOT]
        self.keys = [KEY]
        self.asked = 0
        self.noted: list[str] = []
        self.is_away = False

    def by_digest(self, digest: bytes) -> PrincipalRow | None:
        self._count()
        return next((row for row in self.rows if row.digest == digest), None)

    def get(self, client_id: str = "") -> Any:  # noqa: ANN401 (two tables in one)
        if not client_id:
            return SimpleNamespace(tenant=TENANT)
        self._count()
        return next((row for row in self.rows if row.client_id == client_id), None)

    def list(self) -> list[SigningKey]:
        return self.keys

    def used(self, client_id: str) -> None:
        self.noted.append(client_id)

    def _count(self) -> None:
        self.asked += 1
        if self.is_away:
            raise StoreUnavailableError("away")


class Clock:
    """The time that both the loop and the wall show, beyond the real one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead_s = 0.0
        real_ns, loop = time.time_ns, asyncio.get_running_loop()
        real = loop.time
        monkeypatch.setattr(loop, "time", lambda: real() + self.ahead_s)
        monkeypatch.setattr(time, "time_ns", lambda: real_ns() + int(self.ahead_s * 1e9))


@pytest.fixture
def tables() -> FakeTables:
    return FakeTables()


@pytest.fixture
def known(tables: FakeTables) -> Bearers:
    fake = SimpleNamespace(principals=tables, signing_keys=tables, installation=tables)
    return Bearers(cast("Store", fake))


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def access_token(key: SigningKey = KEY, ago_s: int = 0) -> str:
    now_s = int(time.time()) - ago_s
    return issue(ROBOT, key=key, issuer="i", audience=AUDIENCE, tenant=TENANT, now_s=now_s).text


@pytest.mark.parametrize("token", [SECRET, access_token()], ids=["secret", "access token"])
async def test_both_kinds_of_tokens_are_somebodys(known: Bearers, token: str) -> None:
    assert await known.holder(token) == ROBOT


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(new_secret(), id="another secret"),
        pytest.param(SECRET[:-1], id="a secret, cut"),
        pytest.param(SECRET + "=", id="a secret and more"),
        pytest.param("", id="empty"),
        pytest.param("x" * 9000, id="long"),
        pytest.param("eyJ.a.b", id="no access token"),
        pytest.param(access_token(OTHER), id="another key"),
        pytest.param(access_token(ago_s=3700), id="its time is over"),
    ],
)
async def test_anything_else_is_nobodys(known: Bearers, token: str) -> None:
    assert await known.holder(token) is None


async def test_what_cannot_be_a_token_is_not_asked_for(known: Bearers, tables: FakeTables) -> None:
    for token in ("guess", SECRET + "a", "eyJ" + "a" * 9000 + ".b.c", access_token(OTHER)):
        await known.holder(token)
    assert tables.asked == 0


async def test_the_store_is_asked_once_a_second(
    known: Bearers, tables: FakeTables, clock: Clock
) -> None:
    assert [await known.holder(SECRET) for _ in range(5)] == [ROBOT] * 5
    assert tables.asked == 1
    clock.ahead_s = FRESH_S
    await known.holder(SECRET)
    assert tables.asked == 2


async def test_however_many_ask_at_once_it_is_asked_once(
    known: Bearers, tables: FakeTables
) -> None:
    assert await asyncio.gather(*(known.holder(SECRET) for _ in range(50))) == [ROBOT] * 50
    assert tables.asked == 1


@pytest.mark.parametrize("token", [SECRET, access_token()], ids=["secret", "access token"])
async def test_a_revocation_takes_effect_after_a_second(
    known: Bearers, tables: FakeTables, clock: Clock, token: str
) -> None:
    assert await known.holder(token) == ROBOT
    tables.rows = [replace(ROBOT, revoked_ms=1)]
    clock.ahead_s = FRESH_S
    assert await known.holder(token) is None


async def test_an_end_takes_effect_at_once(
    known: Bearers, tables: FakeTables, clock: Clock
) -> None:
    tables.rows = [replace(ROBOT, expires_ms=now_ms() + 500)]
    assert await known.holder(SECRET) is not None
    clock.ahead_s = 0.6
    assert await known.holder(SECRET) is None
    assert tables.asked == 1


async def test_who_is_remembered_is_let_in_while_the_store_is_away_but_not_for_ever(
    known: Bearers, tables: FakeTables, clock: Clock
) -> None:
    assert await known.holder(SECRET) == ROBOT
    tables.is_away = True
    clock.ahead_s = FRESH_S
    assert [await known.holder(SECRET) for _ in range(3)] == [ROBOT] * 3
    assert tables.asked == 2, "it is left alone for a while"
    clock.ahead_s += RETRY_S
    assert await known.holder(SECRET) == ROBOT
    assert tables.asked == 3
    clock.ahead_s = STALE_S + 1
    with pytest.raises(StoreUnavailableError):
        await known.holder(SECRET)
    tables.is_away = False
    assert await known.holder(SECRET) == ROBOT


async def test_a_stranger_is_not_let_in_while_the_store_is_away(
    known: Bearers, tables: FakeTables
) -> None:
    tables.is_away = True
    with pytest.raises(StoreUnavailableError):
        await known.holder(SECRET)


async def test_use_is_noted_once_a_minute(known: Bearers, tables: FakeTables, clock: Clock) -> None:
    await known.holder(SECRET)
    assert tables.noted == [ROBOT.client_id]
    tables.rows = [replace(ROBOT, used_ms=now_ms())]
    clock.ahead_s = FRESH_S
    await known.holder(SECRET)
    assert len(tables.noted) == 1
    clock.ahead_s = 62
    await known.holder(SECRET)
    assert len(tables.noted) == 2


async def test_memory_is_bounded(
    known: Bearers, tables: FakeTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bearers, "MAX_REMEMBERED", 2)
    secrets = [new_secret() for _ in range(3)]
    tables.rows = [replace(ROBOT, digest=digest_of(secret)) for secret in secrets]
    for secret in secrets:
        await known.holder(secret)
    assert len(known._known) == 2
    await known.holder(secrets[2])
    assert tables.asked == 3


async def test_a_new_key_is_found(known: Bearers, tables: FakeTables) -> None:
    assert await known.holder(access_token()) == ROBOT
    tables.keys = [OTHER, KEY]
    assert await known.holder(access_token(OTHER)) == ROBOT
