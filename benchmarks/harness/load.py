"""The load client: it makes all requests beforehand, stops itself, and sends when it is let go.

``python -m benchmarks.harness.load`` with the variables below; a rate of 0 is as fast as may be.
"""

import asyncio
import os
import signal
import sys

import aiohttp
import uvloop

from benchmarks.peers.messages import body

ACCEPTED = 202


def environment(
    url: str,
    token: str,
    *,
    first: int,
    events: int,
    batch: int,
    rate: float = 0,
    concurrency: int = 8,
    repositories: int = 0,
) -> dict[str, str]:
    """The variables of a run.

    Args:
        url: Where to POST.
        token: Who we are.
        first: The number of the first event; each has its own id.
        events: How many events to send.
        batch: Events in one request.
        rate: Requests a second; 0: as fast as may be.
        concurrency: Requests under way where the rate is not limited.
        repositories: How many repositories the events take turns over; 0: one, ``team/app``.
    """
    return {
        "LOAD_URL": url,
        "LOAD_TOKEN": token,
        "LOAD_FIRST": str(first),
        "LOAD_EVENTS": str(events),
        "LOAD_BATCH": str(batch),
        "LOAD_RATE": str(rate),
        "LOAD_CONCURRENCY": str(concurrency),
        "LOAD_REPOSITORIES": str(repositories),
    }


def requests(first: int, events: int, batch: int, repositories: int) -> list[bytes]:
    """The bodies of all requests: arrays of events."""
    texts = [
        body(number, repository(number, repositories))[1] for number in range(first, first + events)
    ]
    return [
        f"[{','.join(texts[start : start + batch])}]".encode()
        for start in range(0, len(texts), batch)
    ]


def repository(number: int, repositories: int) -> str:
    """The repository of an event."""
    return f"team/app{number % repositories}" if repositories else "team/app"


class Client:
    """Sends requests; one that is refused ends the process.

    Args:
        session: With the token.
        url: Where to POST.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def send(self, content: bytes) -> None:
        """POST one request."""
        headers = {"Content-Type": "application/json"}
        async with self._session.post(self._url, data=content, headers=headers) as response:
            text = await response.text()
        if response.status != ACCEPTED:
            sys.exit(f"{response.status}: {text[:500]}")

    async def at_once(self, contents: list[bytes], concurrency: int) -> None:
        """Send all, so many at a time."""
        left = iter(contents)

        async def work() -> None:
            for content in left:
                await self.send(content)

        await asyncio.gather(*(work() for _ in range(concurrency)))

    async def paced(self, contents: list[bytes], rate: float) -> None:
        """Send one every 1/rate seconds, whether the one before is answered or not."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as group:
            for number, content in enumerate(contents):
                await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
                group.create_task(self.send(content))


async def main() -> None:
    """Prepare, stop, send, and wait to be killed."""
    env = os.environ
    names = ("FIRST", "EVENTS", "BATCH", "REPOSITORIES")
    first, events, batch, repositories = (int(env[f"LOAD_{name}"]) for name in names)
    contents = requests(first, events, batch, repositories)
    headers = {"Authorization": f"Bearer {env['LOAD_TOKEN']}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        client = Client(session, env["LOAD_URL"])
        os.kill(os.getpid(), signal.SIGSTOP)
        rate = float(env["LOAD_RATE"])
        if rate:
            await client.paced(contents, rate)
        else:
            await client.at_once(contents, int(env["LOAD_CONCURRENCY"]))
        await asyncio.Future()


if __name__ == "__main__":
    uvloop.run(main())
