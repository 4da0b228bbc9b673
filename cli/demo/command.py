"""`portcall demo`: the whole pipeline at work in a temporary folder, which is removed at the end.

It uses free loopback ports only, and none of the user's own settings.
"""

import asyncio
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from portcall.cli.demo import passages
from portcall.cli.demo.sources import SourcesDemo
from portcall.cli.demo.stage import Stage
from portcall.cli.demo.story import Demo
from portcall.cli.errors import CliError
from portcall.cli.output import Output, pretty, say

LIMIT_S = 115.0
WIDTH = 110
"""Columns, where the output is no terminal."""
STOPPED = 130

Story = Callable[[Stage, Console], Awaitable[None]]


def demo(
    *,
    sources: Annotated[
        bool,
        typer.Option("--sources", help="Send one event of every kind of source to a consumer."),
    ] = False,
    recorded: Annotated[
        bool,
        typer.Option(
            "--recorded",
            help="Send recorded notifications, even if a real registry is installed.",
        ),
    ] = False,
    output: Annotated[
        Output,
        typer.Option("--output", "-o", help="With --sources: a table, or everything as JSON."),
    ] = Output.TABLE,
) -> None:
    """Show the whole pipeline at work, in a temporary folder.

    It pushes to a registry, shows the POSTs that arrive at a consumer, and leaves nothing behind.
    It needs no running Portcall: it starts one of its own. With --sources, one event of every kind
    of source (Harbor, GitHub, Docker Hub, Event Grid and all others) goes through the pipeline with
    a valid proof; the exit code is 1 if one did not come through.

    Examples:
        portcall demo
        portcall demo --sources
        portcall demo --sources -o json
    """
    if sources and recorded:
        raise typer.BadParameter("--recorded is for the demo without --sources")
    console = _console(stderr=output is Output.JSON)

    async def tell(stage: Stage, console: Console) -> None:
        if sources:
            await _tell_sources(stage, console, output)
        else:
            await Demo(stage, console, recorded=recorded).tell()

    raise typer.Exit(play(console, tell))


def play(console: Console, story: Story) -> int:
    """Run a story, and return the exit code."""
    try:
        asyncio.run(_in_folder(console, story))
    except CliError as error:
        console.print(f"The demo failed: {error}", style="bold red", soft_wrap=True)
        return error.exit_code
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("The demo was stopped.", style="bold red")
        return STOPPED
    return 0


async def _in_folder(console: Console, story: Story) -> None:
    """Run a story in a temporary folder, within the time limit.

    Raises:
        CliError: It failed.
    """
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with tempfile.TemporaryDirectory(prefix="portcall-demo-") as folder:
        try:
            async with asyncio.timeout(LIMIT_S):
                await story(Stage(console, Path(folder)), console)
        except TimeoutError:
            raise CliError(f"the demo did not finish within {LIMIT_S:.0f} s") from None


async def _tell_sources(stage: Stage, console: Console, output: Output) -> None:
    found = await SourcesDemo(stage).tell()
    if output is Output.JSON:
        say(pretty(passages.document_of(found)))
    else:
        console.print(passages.table_of(found))
    passages.check(found)
    stage.say(f"All {len(found)} kinds came through. docs/sources.md says how to set up each.")


def _console(*, stderr: bool) -> Console:
    is_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if is_terminal else WIDTH
    return Console(highlight=False, markup=False, width=width, stderr=stderr)


if __name__ == "__main__":
    typer.run(demo)
