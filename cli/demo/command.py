"""`make demo`: push to a registry, receive the POSTs in a consumer, and show them by list-events.

Everything runs in a temporary folder and on free loopback ports, and is removed at the end.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
from rich.console import Console, Group
from rich.json import JSON
from rich.panel import Panel
from rich.text import Text

from portcall.cli import children
from portcall.cli.client import Document
from portcall.cli.demo.sample_consumer import Post, SampleConsumer, sample_consumer
from portcall.cli.demo.sample_registry import (
    RecordedRegistry,
    SampleRegistry,
    have_registry,
    real_registry,
)
from portcall.cli.errors import CliError, NotRunningError
from portcall.cli.server import read_ready

REGISTRY = "demoregistry"
WEBHOOKS = (("pushhook", "push", "team/app:*"), ("deletehook", "delete", ""))
"""Each webhook's name (and path at the consumer), action and scope."""
POSTS = 4
"""The requests that the consumer must receive: a ping, two pushes, a delete."""
LIMIT_S = 115.0
UP_S = 90.0
IN_FORCE_S = 2.0
"""So long after its creation a new webhook applies to accepted events."""


class Demo:
    """The demo's story; each method is one step.

    Args:
        console: Where it is printed.
        folder: The temporary folder.
        recorded: Send recorded notifications even if a real registry is installed.
    """

    def __init__(self, console: Console, folder: Path, *, recorded: bool) -> None:
        self._console = console
        self._recorded = recorded
        self._folder = folder
        self._home = folder / "home"
        self._began = time.monotonic()
        self._environ = demo_environment(self._home)

    async def tell(self) -> None:
        """Run all steps.

        Raises:
            CliError: A step failed.
        """
        async with AsyncExitStack() as stack:
            self._say("Starting Portcall: five roles, a private RabbitMQ node, SQLite")
            ready = await stack.enter_async_context(self._portcall())
            consumer = await stack.enter_async_context(sample_consumer())
            self._say(f"A sample consumer listens on {consumer.url}")
            in_force_at = await self._subscribe(consumer)
            registry = await self._registry(stack, ready)
            await self._act(registry, consumer, in_force_at)
            self._show_posts(consumer.posts)
            await self._show_events()
            self._say("Stopping")
        self._say(
            "The demo is complete. Next: run `make up`, which prints the console's address,"
            " and read the README."
        )

    @asynccontextmanager
    async def _portcall(self) -> AsyncIterator[Document]:
        """Run `portcall up` for the time of a block; yield the content of its ready.json."""
        log_file = self._folder / "up.log"
        with log_file.open("wb") as log:
            process = await children.spawn(
                [sys.executable, "-P", "-m", "portcall.cli.main", "up"],
                env=self._environ,
                mark=str(self._folder),
                stdout=log,
            )
        try:
            yield await self._until_ready(process, log_file)
        finally:
            code = await children.end(process, grace_s=25)
        if code != 0:
            raise CliError(f"`portcall up` ended with exit code {code}:\n{_tail(log_file)}")

    async def _until_ready(self, process: children.Process, log_file: Path) -> Document:
        for _ in range(round(UP_S / 0.1)):
            try:
                return read_ready(self._home)
            except NotRunningError:
                if process.returncode is not None:
                    break
                await asyncio.sleep(0.1)
        raise CliError(f"`portcall up` does not become ready:\n{_tail(log_file)}")

    async def _subscribe(self, consumer: SampleConsumer) -> float:
        """Create the registry and the webhooks; return when the last one is certainly in effect."""
        await self._run("registry", "create", REGISTRY, "-o", "table")
        for name, action, scope in WEBHOOKS:
            scoped = ["--scope", scope] if scope else []
            uri = f"{consumer.url}/{name}"
            at = ["-r", REGISTRY, "-n", name]
            await self._run(
                *("webhook", "create", *at, "--uri", uri, "--actions", action, *scoped),
                *("-o", "table"),
            )
        return time.monotonic() + IN_FORCE_S

    async def _registry(self, stack: AsyncExitStack, ready: Document) -> SampleRegistry:
        url = f"{ready['producer_url']}/registries/{REGISTRY}/notifications"
        if have_registry() and not self._recorded:
            self._say("Starting a docker-registry that notifies Portcall")
            return await stack.enter_async_context(
                real_registry(self._folder / "registry", url, ready["token"])
            )
        why = "as requested" if self._recorded else "docker-registry or skopeo is not installed"
        self._say(
            f"NO REAL REGISTRY ({why}): sending the recorded notifications that a"
            " docker-registry sent for the same steps",
            style="bold yellow",
        )
        http = await stack.enter_async_context(aiohttp.ClientSession())
        return RecordedRegistry(url, ready["token"], http)

    async def _act(
        self, registry: SampleRegistry, consumer: SampleConsumer, in_force_at: float
    ) -> None:
        await self._run("webhook", "ping", "-r", REGISTRY, "-n", WEBHOOKS[0][0])
        await asyncio.sleep(max(0.0, in_force_at - time.monotonic()))
        for step, what in (
            (registry.push, "Pushing an image"),
            (registry.tag, "Pushing it under a second tag"),
            (registry.delete, "Deleting it by its digest"),
        ):
            self._say(what)
            self._console.print(await step(), style="dim", soft_wrap=True)
        try:
            await consumer.until(POSTS, within_s=20)
        except TimeoutError:
            raise CliError(
                f"the consumer got {len(consumer.posts)} POSTs instead of {POSTS}:\n"
                f"{_tail(self._folder / 'up.log')}"
            ) from None

    def _show_posts(self, posts: list[Post]) -> None:
        self._say(f"The consumer got {len(posts)} POSTs")
        for post in posts:
            headers = Text("\n".join(f"{name}: {value}" for name, value in post.headers))
            body = JSON(post.body.decode(), indent=2).text
            body.no_wrap, body.overflow = False, "fold"
            self._console.print(Panel(Group(headers, "", body), title=f"POST {post.path}"))

    async def _show_events(self) -> None:
        """Show list-events of each webhook, once it has every POST."""
        self._say("What `portcall webhook list-events` shows")
        for name, _, _ in WEBHOOKS:
            command = ["webhook", "list-events", "-r", REGISTRY, "-n", name]
            expected = 3 if name == WEBHOOKS[0][0] else 1
            for _ in range(50):
                if len(json.loads(await self._output(*command, "-o", "json"))) >= expected:
                    break
                await asyncio.sleep(0.2)
            else:
                raise CliError(f"list-events of {name} does not show {expected} requests")
            await self._run(*command, "-o", "table")

    async def _run(self, *arguments: str) -> None:
        """Run a `portcall` command, and show it with its output."""
        self._console.print(f"$ portcall {' '.join(arguments)}", style="bold cyan", soft_wrap=True)
        self._console.print(await self._output(*arguments), soft_wrap=True)

    async def _output(self, *arguments: str) -> str:
        with tempfile.TemporaryFile() as output:
            process = await children.spawn(
                [sys.executable, "-P", "-m", "portcall.cli.main", *arguments],
                env=self._environ,
                mark=str(self._folder),
                stdout=output,
            )
            code = await process.wait()
            output.seek(0)
            said = output.read().decode(errors="replace").rstrip()
        if code != 0:
            raise CliError(f"portcall {' '.join(arguments)} ended with exit code {code}: {said}")
        return said

    def _say(self, what: str, style: str = "bold green") -> None:
        elapsed = time.monotonic() - self._began
        self._console.print(f"[{elapsed:4.1f} s] {what}", style=style, soft_wrap=True)


def demo_environment(home: Path) -> dict[str, str]:
    """Return the environment for all processes of the demo, without the user's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTCALL_")}
    return {
        **kept,
        "PORTCALL_HOME": str(home),
        "PORTCALL_MANAGEMENT_BIND": "127.0.0.1:0",
        "PORTCALL_MANAGEMENT_TLS_BIND": "127.0.0.1:0",
        "PORTCALL_PRODUCER_BIND": "127.0.0.1:0",
    }


async def demo(console: Console, *, recorded: bool) -> None:
    """Run the story in a temporary folder, within the time limit.

    Raises:
        CliError: It failed.
    """
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with tempfile.TemporaryDirectory(prefix="portcall-demo-") as folder:
        try:
            async with asyncio.timeout(LIMIT_S):
                await Demo(console, Path(folder), recorded=recorded).tell()
        except TimeoutError:
            raise CliError(f"the demo did not finish within {LIMIT_S:.0f} s") from None


def main() -> int:
    """Run the demo, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m portcall.cli.demo.command", description=__doc__
    )
    parser.add_argument(
        "--recorded",
        action="store_true",
        help="use recorded notifications, even if a real registry is installed",
    )
    recorded: bool = parser.parse_args().recorded
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 110)
    try:
        asyncio.run(demo(console, recorded=recorded))
    except CliError as error:
        console.print(f"The demo failed: {error}", style="bold red", soft_wrap=True)
        return error.exit_code
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("The demo was stopped.", style="bold red")
        return 130
    return 0


def _tail(path: Path, lines: int = 30) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


if __name__ == "__main__":
    sys.exit(main())
