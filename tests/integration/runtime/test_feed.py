"""Hints through a real broker."""

import asyncio

from portcall.runtime.broker.feed import Feed, FeedFollower
from portcall.schemas.changes import encode_hint
from portcall.schemas.topology import WEBHOOKS
from tests.integration.runtime.brokers import publishing, running, until
from tests.line import Line


async def test_a_hint_reaches_everybody_who_listens_and_nobody_later(laid: str) -> None:
    first: list[int] = []
    second: list[int] = []
    feeds = [
        Feed(laid, name=f"feed {number}", on_hint=hints.append)
        for number, hints in enumerate((first, second))
    ]
    async with publishing(laid) as publisher, running(*(feed.run() for feed in feeds)):
        await until(lambda: first == second == [0])
        await publisher.announce(encode_hint(7), exchange=WEBHOOKS)
        await publisher.announce(b"garbage", exchange=WEBHOOKS)
        await publisher.announce(encode_hint(8), exchange=WEBHOOKS)
        await until(lambda: first == second == [0, 7, 8])
    late: list[int] = []
    async with running(Feed(laid, name="late", on_hint=late.append).run()):
        await until(lambda: late == [0])


async def test_after_a_cut_it_hints_that_something_may_have_been_missed(
    laid: str, line: Line
) -> None:
    hints: list[int] = []
    feed = Feed(await line.open(), name="test", on_hint=hints.append)
    async with publishing(laid) as publisher, running(feed.run()):
        await until(lambda: hints == [0])
        line.cut()
        await until(lambda: hints == [0, 0])
        await publisher.announce(encode_hint(9), exchange=WEBHOOKS)
        await until(lambda: hints == [0, 0, 9])


async def test_hints_are_followed(laid: str) -> None:
    refreshed: list[int] = []
    hints: list[int] = []

    async def refresh() -> bool:
        refreshed.append(hints[-1])
        return True

    follower = FeedFollower(refresh, poll_s=1e6)

    def on_hint(revision: int) -> None:
        hints.append(revision)
        follower.hint(revision)

    feed = Feed(laid, name="test", on_hint=on_hint)
    async with publishing(laid) as publisher, running(feed.run(), follower.run()):
        await until(lambda: refreshed == [0])
        for revision in (1, 2, 3):
            await publisher.announce(encode_hint(revision), exchange=WEBHOOKS)
            await until(lambda at=revision: refreshed[-1] == at)  # type: ignore[misc]


async def test_a_flood_of_hints_is_not_more_than_the_queue_holds(laid: str) -> None:
    hints: list[int] = []
    feed = Feed(laid, name="test", on_hint=hints.append)
    async with publishing(laid) as publisher, running(feed.run()):
        await until(lambda: hints == [0])
        await asyncio.gather(
            *(
                publisher.announce(encode_hint(revision), exchange=WEBHOOKS)
                for revision in range(1, 3001)
            )
        )
        await publisher.announce(encode_hint(3001), exchange=WEBHOOKS)
        await until(lambda: hints[-1] == 3001)
