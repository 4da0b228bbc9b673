"""Who is at the other end, and how much of it is too much."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from portcall.runtime.http import clients
from portcall.runtime.http.clients import (
    AUTHENTICATED,
    MAX_FAILURES,
    ClientGate,
    Throttle,
    client_of,
    throttling,
)
from portcall.runtime.settings import AUTH_FAILURES_PER_S


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, ""),
        ("", ""),
        ("/run/socket", ""),
    ],
)
def test_a_client_is_an_address_or_a_network(address: str | None, client: str) -> None:
    assert client_of(address) == client


def test_a_client_fails_often_and_then_has_to_wait() -> None:
    throttle = Throttle(clock=(clock := Clock()))
    for _ in range(MAX_FAILURES):
        assert not throttle.refuses("a")
        throttle.note_failure("a")
    assert throttle.refuses("a")
    assert not throttle.refuses("b")
    clock.now += 1.01 / AUTH_FAILURES_PER_S
    assert not throttle.refuses("a")
    throttle.note_failure("a")
    assert throttle.refuses("a")
    clock.now += MAX_FAILURES / AUTH_FAILURES_PER_S + 1
    for _ in range(MAX_FAILURES):
        assert not throttle.refuses("a")
        throttle.note_failure("a")


def test_failures_at_the_allowed_rate_are_never_refused() -> None:
    throttle = Throttle(clock=(clock := Clock()))
    for _ in range(10 * MAX_FAILURES):
        assert not throttle.refuses("a")
        throttle.note_failure("a")
        clock.now += 1 / AUTH_FAILURES_PER_S


def test_many_clients_take_bounded_memory_and_the_loud_one_is_not_forgotten_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clients, "MAX_CLIENTS", 100)
    throttle = Throttle(clock=(clock := Clock()))
    for number in range(10_000):
        throttle.note_failure(f"stranger {number}")
        throttle.note_failure("loud")
        clock.now += 0.001
    assert len(throttle._forgotten_at) <= 100
    assert throttle.refuses("loud")


def test_a_gate_lets_in_as_many_as_it_may_and_no_client_more_than_half() -> None:
    gate = ClientGate(4)
    assert [gate.enter(client) for client in "aaabbc"] == [True, True, False, True, True, False]
    gate.leave("a")
    assert gate.enter("c")
    for client in "abbc":
        gate.leave(client)
    assert (gate._count, gate._by_client) == (0, {})


@pytest.mark.parametrize(
    ("status", "refused"), [(401, True), (403, False), (404, False), (200, False)]
)
async def test_only_what_fails_to_authenticate_counts(status: int, *, refused: bool) -> None:
    asked = 0

    async def handle(_request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return web.Response(status=status)

    throttled = throttling(Throttle(clock=Clock()), lambda: web.Response(status=429))
    answers = [
        (await throttled(make_mocked_request("GET", "/x"), handle)).status
        for _ in range(MAX_FAILURES + 5)
    ]
    assert (answers[-1] == 429) is refused
    assert asked == (MAX_FAILURES if refused else MAX_FAILURES + 5)
    health = await throttled(make_mocked_request("GET", "/live"), handle)
    assert health.status == status


async def test_who_had_a_good_token_is_not_put_off_by_others_of_the_same_address() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        good = request.headers["Authorization"] == "Bearer good"
        if good:
            request[AUTHENTICATED] = True
        return web.Response(status=200 if good or request.path == "/open" else 401)

    async def ask(token: str, path: str = "/x") -> int:
        request = make_mocked_request("GET", path, headers={"Authorization": f"Bearer {token}"})
        return (await throttled(request, handle)).status

    throttled = throttling(Throttle(clock=Clock()), lambda: web.Response(status=429))
    assert await ask("good") == 200
    assert await ask("guess", "/open") == 200
    assert {await ask(f"guess{number}") for number in range(MAX_FAILURES)} == {401}
    assert [await ask("good"), await ask("guess"), await ask("another")] == [200, 429, 429]


def test_a_token_that_is_good_no_more_is_as_any_other() -> None:
    throttle = Throttle(clock=Clock())
    throttle.note_success("Bearer revoked")
    for _ in range(MAX_FAILURES):
        throttle.note_failure("a")
    assert not throttle.refuses("a", "Bearer revoked")
    throttle.note_failure("a", "Bearer revoked")
    assert throttle.refuses("a", "Bearer revoked")


async def test_without_a_limit_nobody_is_put_off() -> None:
    throttle = Throttle(0, Clock())
    for _ in range(3 * MAX_FAILURES):
        throttle.note_failure("a")
    assert not throttle.refuses("a")
