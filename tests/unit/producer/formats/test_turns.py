"""Turns: however a body is made, the others' requests are served while it is read."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from portcall.producer.digests.digests import KnownDigests
from portcall.producer.formats import distribution
from portcall.producer.formats.skimming import MAX_EVENTS, Skimmed, Skimmer
from portcall.producer.formats.turns import READ_AT_ONCE, SKIMMED_AT_ONCE, exhaust, feed, skim
from tests.unit.producer.samples import acceptance

LARGE = b'{"events":[' + b"{}," * (MAX_EVENTS + 5) + b"{}]}"


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of what skimmers were fed."""
    sizes: list[int] = []
    own = Skimmer.feed

    def feed(skimmer: Skimmer, piece: bytes) -> None:
        sizes.append(len(piece))
        own(skimmer, piece)

    monkeypatch.setattr(Skimmer, "feed", feed)
    return sizes


async def turns_of_others(work: Awaitable[object]) -> int:
    """How often another task had its turn during some work."""
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.create_task(other())
    await work
    running.cancel()
    return turns


READERS: dict[str, Callable[[bytes], Awaitable[object]]] = {
    "a piece of a larger body": lambda body: feed(Skimmer(), body),
    "a whole body": skim,
    "a body that a strict decoder does not take": distribution.opened,
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
async def test_others_have_a_turn_after_each_slice(
    reader: Callable[[bytes], Awaitable[object]], fed: list[int]
) -> None:
    turns = await turns_of_others(reader(LARGE))
    assert sum(fed) == len(LARGE)
    assert max(fed) <= SKIMMED_AT_ONCE <= 8 * 1024
    assert turns >= len(LARGE) // SKIMMED_AT_ONCE


async def test_others_have_a_turn_while_notifications_are_read() -> None:
    skimmed = Skimmed(is_envelope=True, events=[{}] * (4 * READ_AT_ONCE))
    turns = await turns_of_others(distribution.translated(KnownDigests(), skimmed, acceptance()))
    assert turns >= 4


async def test_a_few_steps_are_one_turn() -> None:
    assert await turns_of_others(exhaust(range(READ_AT_ONCE - 1))) == 0


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(LARGE, id="very many"),
        pytest.param(b'{"events":[{"id":1},{"action":"pull","id":"a"},7]}', id="wrong types"),
        pytest.param(b'{"events":[{"action":"pull","id":"a"}]}', id="right ones"),
        pytest.param(b"[]", id="no envelope"),
    ],
)
async def test_in_turns_or_at_once_it_reads_the_same(body: bytes) -> None:
    at_once = distribution.read(KnownDigests(), body, acceptance())
    opened = await distribution.opened(body)
    in_turns = await distribution.translated(KnownDigests(), opened, acceptance())
    assert in_turns.ignored == at_once.ignored
    assert in_turns.events == at_once.events
    assert [one.reason for one in in_turns.details] == [one.reason for one in at_once.details]
