"""The story of the sources: one event of every kind, from its sender's request to a consumer."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace

import aiohttp

from portcall.cli.client import Document, Management, find_server
from portcall.cli.demo.passages import Passage, repository_of
from portcall.cli.demo.proving import SampleIssuer, headers_of
from portcall.cli.demo.sample_consumer import SampleConsumer, sample_consumer
from portcall.cli.demo.samples import Sample, sample_of
from portcall.cli.demo.stage import IN_FORCE_S, Stage
from portcall.schemas.sources import Proof, Source, SourceKind

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
        self._issuer = SampleIssuer()

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
            sources = await asyncio.to_thread(self._create)
            await asyncio.sleep(max(0.0, in_force_at - time.monotonic()))
            stage.say("Sending what each registry sends for the push of a tag")
            passages = await self._send(str(ready["producer_url"]), sources)
            await self._until_arrived(passages, consumer)
            stage.say("Stopping")
        return arrived(passages, consumer)

    def _create(self) -> list[Source]:
        management = Management(find_server(environ=self._stage.environ))
        owner = str(management.find_registry(REGISTRY)["id"])
        return [self._created(management, owner, sample) for sample in self._samples]

    def _created(self, management: Management, owner: str, sample: Sample) -> Source:
        options = dict(sample.options)
        if sample.kind is SourceKind.GAR:
            options |= self._issuer.options()
        properties = {"kind": sample.kind.value, "options": options}
        path = f"{owner}/sources/{sample.kind}"
        made: Document = management.ask("PUT", path, {"properties": properties})["properties"]
        return Source(
            registry=REGISTRY,
            name=sample.kind.value,
            kind=sample.kind,
            proof=Proof(made["proof"]),
            secrets=(str(made.get("secret", "")),),
            options=made["options"],
        )

    async def _send(self, producer_url: str, sources: list[Source]) -> list[Passage]:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as http:
            return [
                await self._sent(http, producer_url, sample, source)
                for sample, source in zip(self._samples, sources, strict=True)
            ]

    async def _sent(
        self, http: aiohttp.ClientSession, producer_url: str, sample: Sample, source: Source
    ) -> Passage:
        url = f"{producer_url}/registries/{REGISTRY}/sources/{source.name}"
        if source.proof is Proof.PATH:
            url += f"/{source.secrets[0]}"
        headers = headers_of(sample, source, self._issuer)
        async with http.post(url, data=sample.body, headers=headers) as answer:
            return Passage(sample, source.proof, answer.status, (await answer.text()).strip())

    async def _until_arrived(self, passages: list[Passage], consumer: SampleConsumer) -> None:
        accepted = sum(each.status < 300 for each in passages)
        try:
            await consumer.until(accepted, within_s=ARRIVE_S)
        except TimeoutError:
            self._stage.say(f"Not everything arrived within {ARRIVE_S:.0f} s", style="bold red")


def arrived(passages: list[Passage], consumer: SampleConsumer) -> list[Passage]:
    """The passages with what the consumer got of each."""
    posts = {repository_of(post): post for post in consumer.posts}
    return [replace(each, post=posts.get(each.sample.repository)) for each in passages]
