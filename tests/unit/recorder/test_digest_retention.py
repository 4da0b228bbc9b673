"""Forgetting sightings: a little at a time, and not stopped by a store that is away."""

import asyncio

import pytest

from portcall.recorder.digest_retention import (
    BREATH_S,
    CHUNK,
    INTERVAL_S,
    MAX_AGE_MS,
    MAX_DIGESTS,
    DigestRetention,
)
from portcall.store.errors import StoreUnavailableError
from tests.unit.recorder.streams import unavailable

NOW_MS = MAX_AGE_MS + 77


class FakeDigests:
    def __init__(self, answers: list[int | StoreUnavailableError]) -> None:
        self.answers = answers

    def prune(self, before_ms: int, *, most: int, limit: int) -> int:
        assert (before_ms, most, limit) == (77, MAX_DIGESTS, CHUNK)
        answer = self.answers.pop(0)
        if isinstance(answer, StoreUnavailableError):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("answers", "pauses"),
    [
        pytest.param([0], [INTERVAL_S], id="nothing to forget"),
        pytest.param([CHUNK, 3, 0], [BREATH_S, BREATH_S, INTERVAL_S], id="in chunks"),
        pytest.param(
            [unavailable(), 1, 0], [INTERVAL_S, BREATH_S, INTERVAL_S], id="after an outage"
        ),
    ],
)
async def test_it_forgets_until_nothing_is_too_much(
    answers: list[int | StoreUnavailableError], pauses: list[float]
) -> None:
    taken: list[float] = []

    async def pause(seconds: float) -> None:
        taken.append(seconds)
        if len(taken) == len(pauses):
            raise asyncio.CancelledError

    sightings = FakeDigests(answers)
    with pytest.raises(asyncio.CancelledError):
        await DigestRetention(sightings, clock_ms=lambda: NOW_MS, pause=pause).run()
    assert taken == pauses
    assert sightings.answers == []
