"""The story of the demo: push, tag and delete an image; show the POSTs, and list-events."""

import asyncio
import json
import time
from contextlib import AsyncExitStack

import aiohttp
from rich.console import Console, Group
from rich.json import JSON
from rich.panel import Panel
from rich.text import Text

from portcall.cli.client import Document
from portcall.cli.demo.sample_consumer import Post, SampleConsumer, sample_consumer
from portcall.cli.demo.sample_registry import (
    RecordedRegistry,
    SampleRegistry,
    have_registry,
    real_registry,
)
from portcall.cli.demo.stage import IN_FORCE_S, Stage
from portcall.cli.errors import CliError

REGISTRY = "demoregistry"
WEBHOOKS = (("pushhook", "push", "team/app:*"), ("deletehook", "delete", ""))
"""Each webhook's name (and path at the consumer), action and scope."""
POSTS = 4
"""The requests that the consumer must receive: a ping, two pushes, a delete."""


class Demo:
    """The demo's story; each method is one step.

    Args:
        stage: Runs Portcall.
        console: Where it is printed.
        recorded: Send recorded notifications even if a real registry is installed.
    """

    def __init__(self, stage: Stage, console: Console, *, recorded: bool) -> None:
        self._stage = stage
        self._console = console
        self._recorded = recorded

    async def tell(self) -> None:
        """Run all steps.

        Raises:
            CliError: A step failed.
        """
        async with AsyncExitStack() as stack:
            self._stage.say("Starting Portcall: five roles, a private RabbitMQ node, SQLite")
            ready = await stack.enter_async_context(self._stage.portcall())
            consumer = await stack.enter_async_context(sample_consumer())
            self._stage.say(f"A sample consumer listens on {consumer.url}")
            in_force_at = await self._subscribe(consumer)
            registry = await self._registry(stack, ready)
            await self._act(registry, consumer, in_force_at)
            self._show_posts(consumer.posts)
            await self._show_events()
            self._stage.say("Stopping")
        self._stage.say(
            "The demo is complete. Next: run `make up`, which prints the console's address,"
            " and read the README."
        )

    async def _subscribe(self, consumer: SampleConsumer) -> float:
        """Create the registry and the webhooks; return when the last one is certainly in effect."""
        await self._stage.run("registry", "create", REGISTRY, "-o", "table")
        for name, action, scope in WEBHOOKS:
            scoped = ["--scope", scope] if scope else []
            uri = f"{consumer.url}/{name}"
            at = ["-r", REGISTRY, "-n", name]
            await self._stage.run(
                *("webhook", "create", *at, "--uri", uri, "--actions", action, *scoped),
                *("-o", "table"),
            )
        return time.monotonic() + IN_FORCE_S

    async def _registry(self, stack: AsyncExitStack, ready: Document) -> SampleRegistry:
        url = f"{ready['producer_url']}/registries/{REGISTRY}/notifications"
        if have_registry() and not self._recorded:
            self._stage.say("Starting a docker-registry that notifies Portcall")
            return await stack.enter_async_context(
                real_registry(self._stage.folder / "registry", url, ready["token"])
            )
        why = "as requested" if self._recorded else "docker-registry or skopeo is not installed"
        self._stage.say(
            f"NO REAL REGISTRY ({why}): sending the recorded notifications that a"
            " docker-registry sent for the same steps",
            style="bold yellow",
        )
        http = await stack.enter_async_context(aiohttp.ClientSession())
        return RecordedRegistry(url, ready["token"], http)

    async def _act(
        self, registry: SampleRegistry, consumer: SampleConsumer, in_force_at: float
    ) -> None:
        await self._stage.run("webhook", "ping", "-r", REGISTRY, "-n", WEBHOOKS[0][0])
        await asyncio.sleep(max(0.0, in_force_at - time.monotonic()))
        for step, what in (
            (registry.push, "Pushing an image"),
            (registry.tag, "Pushing it under a second tag"),
            (registry.delete, "Deleting it by its digest"),
        ):
            self._stage.say(what)
            self._console.print(await step(), style="dim", soft_wrap=True)
        try:
            await consumer.until(POSTS, within_s=20)
        except TimeoutError:
            raise CliError(
                f"the consumer got {len(consumer.posts)} POSTs instead of {POSTS}:\n"
                f"{self._stage.log_tail()}"
            ) from None

    def _show_posts(self, posts: list[Post]) -> None:
        self._stage.say(f"The consumer got {len(posts)} POSTs")
        for post in posts:
            headers = Text("\n".join(f"{name}: {value}" for name, value in post.headers))
            body = JSON(post.body.decode(), indent=2).text
            body.no_wrap, body.overflow = False, "fold"
            self._console.print(Panel(Group(headers, "", body), title=f"POST {post.path}"))

    async def _show_events(self) -> None:
        """Show list-events of each webhook, once it has every POST."""
        self._stage.say("What `portcall webhook list-events` shows")
        for name, _, _ in WEBHOOKS:
            command = ["webhook", "list-events", "-r", REGISTRY, "-n", name]
            expected = 3 if name == WEBHOOKS[0][0] else 1
            for _ in range(50):
                if len(json.loads(await self._stage.output(*command, "-o", "json"))) >= expected:
                    break
                await asyncio.sleep(0.2)
            else:
                raise CliError(f"list-events of {name} does not show {expected} requests")
            await self._stage.run(*command, "-o", "table")
