"""The ceiling: aiohttp POSTs the same body to the same sink, without any queue.

It warms up, stops itself, and begins when it is let go.
"""

import asyncio
import os
import signal

import aiohttp
import uvloop
from yarl import URL

SINK_URL = URL(os.environ["BENCH_SINK_URL"])
BODY = os.environ["BENCH_BODY"].encode()
COUNT = int(os.environ["BENCH_COUNT"])
WARM_UP = int(os.environ["BENCH_WARM_UP"])
CONCURRENCY = int(os.environ["BENCH_CONCURRENCY"])
HEADERS = {"Content-Type": "application/json"}


async def post(session: aiohttp.ClientSession, count: int) -> None:
    """POST *count* times."""
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            async with session.post(SINK_URL, data=BODY, headers=HEADERS) as response:
                await response.read()

    await asyncio.gather(*(work() for _ in range(CONCURRENCY)))


async def main() -> None:
    """Warm up, wait, POST, and wait to be killed."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        await post(session, WARM_UP)
        os.kill(os.getpid(), signal.SIGSTOP)
        await post(session, COUNT)
        await asyncio.Future()


if __name__ == "__main__":
    uvloop.run(main())
