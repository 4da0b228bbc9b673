"""A webhook consumer that answers as a test tells it to, and keeps every POST."""

import asyncio
import json
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from multidict import CIMultiDictProxy

from tests.loopback import on_loopback
from tests.patience import SLOWEST


@dataclass(frozen=True, slots=True)
class Post:
    """One POST as it arrived; `at` is of `time.monotonic`."""

    at: float
    path: str
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 (whatever was sent)
        return json.loads(self.body)

    @property
    def delivery_id(self) -> str:
        return self.headers["webhook-id"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the consumer says to one POST, after a while if so told."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    after_s: float = 0.0


class Sink:
    """Answers 200 unless `answer` or `always` said otherwise for the path.

    With a *judge* it looks at each POST instead, and gives the status that the judge says.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.judge: Callable[[Post], int] | None = None
        self.posts: list[Post] = []
        self._once: dict[str, deque[Answer]] = defaultdict(deque)
        self._always: dict[str, Answer] = {}
        self._arrived = asyncio.Condition()

    def answer(self, path: str, *answers: Answer | int) -> None:
        """Give these answers, one after the other, to the next POSTs to *path*."""
        self._once[path].extend(_answer(answer) for answer in answers)

    def always(self, path: str, answer: Answer | int) -> None:
        """Give this answer to every POST to *path* for which there is no other."""
        self._always[path] = _answer(answer)

    def at(self, path: str) -> list[Post]:
        return [post for post in self.posts if post.path == path]

    async def until(
        self, count: int, *, path: str | None = None, within_s: float = 20
    ) -> list[Post]:
        """Wait for so many POSTs (to *path*), and give all there are; *within_s* of a free machine."""

        def there() -> list[Post]:
            return self.posts if path is None else self.at(path)

        try:
            async with asyncio.timeout(SLOWEST * within_s), self._arrived:
                await self._arrived.wait_for(lambda: len(there()) >= count)
        except TimeoutError:
            raise AssertionError(
                f"{len(there())} POSTs of {count} after {SLOWEST * within_s} s"
            ) from None
        return list(there())

    async def take(self, request: web.Request) -> web.Response:
        post = Post(time.monotonic(), request.path, request.headers, await request.read())
        queued = self._once[request.path]
        answer = queued.popleft() if queued else self._always.get(request.path, Answer())
        if self.judge is not None:
            answer = Answer(self.judge(post))
        async with self._arrived:
            self.posts.append(post)
            self._arrived.notify_all()
        if answer.after_s:
            await asyncio.sleep(answer.after_s)
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)


@asynccontextmanager
async def serve_sink() -> AsyncIterator[Sink]:
    """A sink on a free port of the loopback."""
    sink = Sink("")
    app = web.Application()
    app.router.add_post("/{path:.*}", sink.take)
    async with on_loopback(app) as sink.url:
        yield sink


async def eventually(
    condition: Callable[[], Awaitable[bool]] | Callable[[], bool], *, within_s: float, what: str
) -> None:
    """Poll until *condition* holds; *within_s* of a free machine."""
    end = time.monotonic() + SLOWEST * within_s
    while True:
        found = condition()
        if found if isinstance(found, bool) else await found:
            return
        if time.monotonic() > end:
            raise AssertionError(f"not within {SLOWEST * within_s} s: {what}")
        await asyncio.sleep(0.05)


def _answer(answer: Answer | int) -> Answer:
    return Answer(status=answer) if isinstance(answer, int) else answer
