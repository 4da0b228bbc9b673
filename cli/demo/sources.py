"""The story of the sources: one event of every kind, from its sender's request to a consumer."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace

import aiohttp

from portcall.cli.client import Management
from portcall.cli.demo.passages import Passage, repository_of
from portcall.cli.demo.proving import SampleIssuer
from portcall.cli.demo.sample_consumer import SampleConsumer, sample_consumer
from portcall.cli.demo.sample_sources import SampleRequest, request_to_new_source
from portcall.cli.demo.samples import sample_of
from portcall.cli.demo.stage import IN_FORCE_S, Stage
from portcall.cli.server import find_server
from portcall.schemas.sources import SourceKind

REGISTRY = "demoregistry"
WEBHOOK = "everything"
ARRIVE_S = 20.0
TIMEOUT = aiohttp.ClientTimeout(total=10)


class SourcesDemo:
    """One event of every kind through the whole pipeline.

    Args:
        stage: Runs Portcall.
        kinds: The kinds.
    """

    def __init__(self, stage: Stage, kinds: tuple[SourceKind, ...] = tuple(SourceKind)) -> None:
        self._stage = stage
        self._samples = [sample_of(kind) for kind in kinds]

    async def tell(self) -> list[Passage]:
        """Run all steps, and return what became of each sample.

        Raises:
            CliError: Portcall does not run, or refused a source or the webhook.
        """
        stage = self._stage
        async with AsyncExitStack() as stack:
            stage.say("Starting Portcall: five roles, a private RabbitMQ node, SQLite")
            ready = await stack.enter_async_context(stage.portcall())
            consumer = await stack.enter_async_context(sample_consumer())
            stage.say(f"A sample consumer listens on {consumer.url}")
            await stage.run("registry", "create", REGISTRY, "-o", "table")
            await stage.run(
                *("webhook", "create", "-r", REGISTRY, "-n", WEBHOOK, "--uri", consumer.url),
                *("--actions", "push", "-o", "table"),
            )
            in_force_at = time.monotonic() + IN_FORCE_S
            stage.say(
                f"Creating {len(self._samples)} sources, as"
                f" `portcall source create -r {REGISTRY} --kind KIND` does"
            )
            requests = await asyncio.to_thread(self._create)
            await asyncio.sleep(max(0.0, in_force_at - time.monotonic()))
            stage.say("Sending what each registry sends for the push of a tag")
            passages = await self._send(str(ready["producer_url"]), requests)
            await self._until_arrived(passages, consumer)
            stage.say("Stopping")
        return arrived(passages, consumer)

    def _create(self) -> list[SampleRequest]:
        management = Management(find_server(environ=self._stage.environ))
        issuer = SampleIssuer()
        return [
            request_to_new_source(management, REGISTRY, sample, issuer) for sample in self._samples
        ]

    async def _send(self, producer_url: str, requests: list[SampleRequest]) -> list[Passage]:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as http:
            return [await _sent(http, producer_url, each) for each in requests]

    async def _until_arrived(self, passages: list[Passage], consumer: SampleConsumer) -> None:
        accepted = sum(each.status < 300 for each in passages)
        try:
            await consumer.until(accepted, within_s=ARRIVE_S)
        except TimeoutError:
            self._stage.say(f"Not everything arrived within {ARRIVE_S:.0f} s", style="bold red")


async def _sent(http: aiohttp.ClientSession, producer_url: str, request: SampleRequest) -> Passage:
    url, body = f"{producer_url}{request.path}", request.sample.body
    async with http.post(url, data=body, headers=request.headers) as answer:
        text = (await answer.text()).strip()
    return Passage(request.sample, request.proof, answer.status, text)


def arrived(passages: list[Passage], consumer: SampleConsumer) -> list[Passage]:
    """The passages with what the consumer got of each."""
    posts = {repository_of(post): post for post in consumer.posts}
    return [replace(each, post=posts.get(each.sample.repository)) for each in passages]
