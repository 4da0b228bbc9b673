"""Everything that a scenario has in its hands: an installation, a sink, a load, the injector."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from portcall.cli.commands.topology import settings_of
from portcall.runtime.broker import declaring
from portcall.runtime.errors import BrokerError
from portcall.schemas.durations import parse_duration_ms
from portcall.schemas.timestamps import parse_timestamp
from portcall.schemas.topology import COALESCE, EVENTS_IN
from tests.faults.harness import oracle
from tests.faults.harness.injector import Injector
from tests.faults.harness.journals import Endpoint, Expectation, Post, Recorded, expectations
from tests.faults.harness.load import Load
from tests.faults.harness.sink import HostileSink
from tests.faults.harness.verdict import Verdict
from tests.installation import IN_FORCE_S, Client, Installation, new_name

MAX_WEBHOOKS = 500
"""Of a registry with the SKU Premium."""
MANAGEMENT_BACK_S = 15.0
QUIET_S = 3.0
LATE_S = 3.0
"""How much later a duplicate that went by the 2 s rung may still come."""
ON_THE_WAY = (EVENTS_IN, "portcall.deliver.", "portcall.retry.", "portcall.wait.", COALESCE)
READY_TIMEOUT = aiohttp.ClientTimeout(total=2)


class Lab:
    """One installation under test.

    Args:
        installation: It runs.
        http: For everything.
        sink: It runs.
    """

    def __init__(
        self, installation: Installation, http: aiohttp.ClientSession, sink: HostileSink
    ) -> None:
        self.installation = installation
        self.http = http
        self.sink = sink
        self.client = Client(installation, http)
        self.injector = Injector(installation)
        self.load = Load(installation, http, label=new_name("event"))
        self.endpoints: list[Endpoint] = []
        self._posts_before = 0
        self._sink_url = sink.url
        timeout = installation.environ.get("PORTCALL_ATTEMPT_TIMEOUT", "15s")
        self._attempt_timeout_s = parse_duration_ms(timeout) / 1000

    def lead_through(self, sink_url: str) -> None:
        """Let webhooks that are created from now on lead to the sink by another address."""
        self._sink_url = sink_url.rstrip("/")

    def begin(self) -> None:
        """Forget what was, for another scenario on the same installation."""
        self._posts_before += len(self.posts)
        self.endpoints.clear()
        self.injector.faults.clear()
        self.load = Load(self.installation, self.http, label=new_name("event"))

    @property
    def posts(self) -> list[Post]:
        """What has reached the sink since the beginning."""
        return self.sink.posts[self._posts_before :]

    async def add_endpoints(
        self,
        count: int,
        *,
        scope: Callable[[int], str] = lambda _: "",
        final_answers: str = "acr",
    ) -> list[Endpoint]:
        """Create webhooks in a registry of their own (several, if many); in force at the return."""
        made: list[Endpoint] = []
        for first in range(0, count, MAX_WEBHOOKS):
            registry = await self.client.new_registry()
            made += await asyncio.gather(
                *(
                    self._add_endpoint(registry, number, scope(number), final_answers)
                    for number in range(first, min(first + MAX_WEBHOOKS, count))
                )
            )
        self.endpoints += made
        await asyncio.sleep(IN_FORCE_S)
        return made

    async def _add_endpoint(
        self, registry: str, number: int, scope: str, final_answers: str
    ) -> Endpoint:
        name, path = f"hook{number}", f"/{registry}/{number}"
        webhook = await self.client.put_webhook(
            registry,
            name,
            f"{self._sink_url}{path}",
            scope=scope,
            portcall={"finalAnswers": final_answers},
        )
        webhook_id = int(webhook["properties"]["portcall"]["id"])
        return Endpoint(path, registry, name, webhook_id, scope)

    def expected(self) -> dict[str, Expectation]:
        """Every delivery that follows from what was published so far."""
        return expectations(self.load.publications, self.endpoints)

    async def records(self, endpoints: Iterable[Endpoint] | None = None) -> list[Recorded]:
        """What list-events shows of these webhooks, or of all."""
        found: list[Recorded] = []
        for endpoint in self.endpoints if endpoints is None else endpoints:
            listed = await self._listed(endpoint)
            found += [_recorded(endpoint, document) for document in listed]
        return found

    async def _listed(self, endpoint: Endpoint) -> list[dict[str, Any]]:
        """A webhook's records, also while management is being started again."""
        end = time.monotonic() + MANAGEMENT_BACK_S
        while True:
            try:
                return await self.client.list_events(endpoint.registry, endpoint.name, top=500)
            except aiohttp.ClientError:
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(0.5)

    async def judged(self) -> Verdict:
        """The verdict over what there is now."""
        records = await self.records()
        verdict = self._judge(records, holding=False)
        return (
            self._judge(records, holding=True) if verdict.lost and await self._holds() else verdict
        )

    def _judge(self, records: list[Recorded], *, holding: bool) -> Verdict:
        return oracle.judge(
            self.expected(),
            self.posts,
            records,
            self.injector.faults,
            holding=holding,
            attempt_timeout_s=self._attempt_timeout_s,
        )

    async def _holds(self) -> bool:
        """Whether the queues that deliveries go through hold any, or nobody can say."""
        settings = settings_of(self.installation.environ, self.installation.ready)
        names = [
            queue.name for queue in settings.topology.queues if queue.name.startswith(ON_THE_WAY)
        ]
        try:
            depths = await declaring.depths(settings.amqp_url, names)
        except BrokerError:
            return True
        return any(depths.values())

    async def concluded(self, within_s: float) -> Verdict:
        """Wait until every delivery has ended and is listed, and for late duplicates; then judge."""
        end = time.monotonic() + within_s
        await self._until_quiet(end)
        while True:
            verdict = await self.judged()
            if not verdict.is_open or time.monotonic() > end:
                break
            await asyncio.sleep(0.5)
        await asyncio.sleep(LATE_S)
        return await self.judged()

    async def concluded_one_by_one(self, within_s: float) -> Verdict:
        """The same for millions: each endpoint is judged by itself, with only its records read.

        So none is waited for by reading everything again and again: first the queues must be empty.
        """
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            await asyncio.sleep(QUIET_S + LATE_S)
            if not await self._holds():
                break
        posts: dict[str, list[Post]] = {}
        for post in self.posts:
            posts.setdefault(post.path, []).append(post)
        verdict = Verdict()
        for endpoint in self.endpoints:
            verdict.add(await self._concluded_one(endpoint, posts.pop(endpoint.path, []), end))
        verdict.phantoms += [post for those in posts.values() for post in those]
        return verdict

    async def _concluded_one(self, endpoint: Endpoint, posts: list[Post], end: float) -> Verdict:
        expected = expectations(self.load.publications, [endpoint])
        while True:
            verdict = oracle.judge(
                expected,
                posts,
                await self.records([endpoint]),
                self.injector.faults,
                holding=await self._holds(),
                attempt_timeout_s=self._attempt_timeout_s,
            )
            if not verdict.is_open or time.monotonic() > end:
                return verdict
            await asyncio.sleep(QUIET_S)

    async def _until_quiet(self, end: float) -> None:
        """Wait until everything has succeeded, or nothing has come for a while."""
        expected = {each for each, what in self.expected().items() if what.accepted_at}
        while time.monotonic() < end:
            posts = self.posts
            quiet = not posts or time.time() - posts[-1].at > QUIET_S
            if quiet or expected <= {post.delivery_id for post in posts if post.succeeded}:
                return
            await asyncio.sleep(0.2)

    async def readiness(self) -> dict[str, dict[str, str]]:
        """What each process says keeps it from being ready, by its name; {} for one that is."""
        files = sorted((self.installation.home / "run").glob("*.json"))
        asked = await asyncio.gather(*(self._problems(file) for file in files))
        return {file.stem: problems for file, problems in zip(files, asked, strict=True)}

    async def _problems(self, run_file: Path) -> dict[str, str]:
        try:
            url = json.loads(await asyncio.to_thread(run_file.read_text))["health_url"]
            async with self.http.get(f"{url}/ready", timeout=READY_TIMEOUT) as answer:
                document: dict[str, Any] = await answer.json()
        except (OSError, ValueError, aiohttp.ClientError, TimeoutError) as error:
            return {"process": f"does not answer: {type(error).__name__}"}
        return {} if answer.status == 200 else dict(document["problems"])

    async def all_ready(self) -> bool:
        """Whether every role says so."""
        told = await self.readiness()
        return len(told) >= 5 and not any(told.values())

    def pids(self) -> dict[str, list[int]]:
        """The processes of each role."""
        found: dict[str, list[int]] = {}
        for entry in self.installation.ready["processes"]:
            found.setdefault(entry["role"], []).append(entry["pid"])
        return found

    def memory_bytes(self) -> dict[str, int]:
        """What the processes of each role hold in memory, together."""
        return {role: sum(map(_resident, pids)) for role, pids in self.pids().items()}


@asynccontextmanager
async def laboratory(
    folder: Path,
    environ: dict[str, str] | None = None,
    arguments: tuple[str, ...] = (),
) -> AsyncIterator[Lab]:
    """`portcall up` in a folder of its own, which is there, with a sink."""
    usual = {
        "PORTCALL_LOG_LEVEL": "warning",
        "PORTCALL_ATTEMPT_TIMEOUT": "3s",
        "PORTCALL_DIRECT_WEBHOOKS": "0",  # as with a broker of one's own: routers have work
    }
    installation = Installation(folder / "home", {**usual, **(environ or {})}, arguments)
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        sink = HostileSink(folder, http)
        try:
            await sink.start()
            await asyncio.to_thread(installation.start)
            yield Lab(installation, http, sink)
        finally:
            await asyncio.to_thread(installation.clean_up)
            await sink.stop()


def _recorded(endpoint: Endpoint, document: dict[str, Any]) -> Recorded:
    extras = document["portcall"]
    return Recorded(
        path=endpoint.path,
        delivery_id=extras["deliveryId"],
        attempt=extras["attempt"],
        outcome=extras["outcome"],
        status=int(document["eventResponseMessage"].get("statusCode", 0)),
        failure=extras["failure"],
        started_at=parse_timestamp(extras["startedAt"]) / 1000,
        duration_s=extras["durationMs"] / 1000,
    )


def _resident(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(text.partition("VmRSS:")[2].split()[0]) * 1024 if "VmRSS:" in text else 0
