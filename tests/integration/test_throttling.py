"""A stranger who guesses tokens is put off, before his token is looked at; nobody else is."""

import asyncio
import time

from aiohttp import ClientSession

from portcall.runtime.http.clients import MAX_FAILURES
from tests.integration.producing import AUTHORIZATION, Sink, served

PATH = "/registries/myregistry/events"
PUSH = {"action": "push", "target": {"repository": "team/app"}}


async def test_an_address_that_fails_too_often_waits_and_then_is_served_again() -> None:
    sink = Sink()
    async with served(sink.publish) as producer, ClientSession(producer.url) as stranger:
        statuses = []
        for number in range(MAX_FAILURES + 50):
            bad = {"Authorization": f"Bearer guess{number}"}
            async with stranger.post(PATH, json=PUSH, headers=bad) as answer:
                statuses.append(answer.status)
                if answer.status == 429:
                    assert "Retry-After" not in answer.headers
                    assert (await answer.json())["error"]["code"] == "TooManyRequests"
        assert set(statuses) == {401, 429}
        assert statuses[: MAX_FAILURES // 2] == [401] * (MAX_FAILURES // 2)
        async with stranger.get("/live") as answer:
            assert answer.status == 200
        deadline = time.monotonic() + 10
        status = 0
        while status != 202 and time.monotonic() < deadline:
            async with producer.client.post(PATH, json=PUSH, headers=AUTHORIZATION) as answer:
                status = answer.status
        assert status == 202
    assert len(sink.events) == 1


async def test_who_has_a_token_is_never_put_off() -> None:
    sink = Sink()
    async with served(sink.publish) as producer:
        for _ in range(2 * MAX_FAILURES):
            async with producer.client.post(PATH, json=PUSH, headers=AUTHORIZATION) as answer:
                assert answer.status == 202


async def test_a_registry_whose_token_is_mended_is_taken_though_it_failed_often() -> None:
    sink = Sink()
    async with served(sink.publish) as producer, ClientSession(producer.url) as registry:

        async def fail() -> int:
            wrong = {"Authorization": "Bearer wrong-wrong-wrong"}
            async with registry.post(PATH, json=PUSH, headers=wrong) as answer:
                return answer.status

        # Side by side: one after the other, a slow machine stays below the rate.
        assert 429 in await asyncio.gather(*(fail() for _ in range(MAX_FAILURES * 2)))
        began = time.monotonic()
        statuses: list[int] = []
        while not statuses or statuses[-1] != 202:
            async with registry.post(PATH, json=PUSH, headers=AUTHORIZATION) as answer:
                statuses.append(answer.status)
            assert time.monotonic() - began < 5
        assert set(statuses) <= {202, 429}
