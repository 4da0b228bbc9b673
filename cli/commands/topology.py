"""`portcall topology`: the exchanges and queues that Portcall needs, and those at the broker."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from pydantic import Field

from portcall.cli.client import Document
from portcall.cli.errors import NotRunningError, UsageError
from portcall.cli.examples import examples
from portcall.cli.options import Format
from portcall.cli.output import Output, chosen, note, pretty, say
from portcall.cli.server import home_folder, read_ready
from portcall.cli.tables import Row, table
from portcall.runtime.broker.declaring import apply, depths
from portcall.runtime.settings import Settings
from portcall.schemas.topology import DIRECT_WEBHOOKS, Topology, topology

_DECIDING = (
    "PORTCALL_SHARDS",
    "PORTCALL_RETRY_SCHEDULE",
    "PORTCALL_RECORD_RETENTION",
    "PORTCALL_DIRECT_WEBHOOKS",
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="The broker's exchanges and queues. The broker is the one in PORTCALL_AMQP_URL, or"
    " that of the `portcall up` that runs here.",
    rich_markup_mode="rich",
)


class TopologySettings(Settings):
    """The settings that determine the topology and its use; the store and the token do not."""

    database_url: str = Field(default="", alias="PORTCALL_DATABASE_URL")
    token: str = Field(default="", alias="PORTCALL_TOKEN", repr=False)
    direct_webhooks: int = Field(default=DIRECT_WEBHOOKS, ge=0, alias="PORTCALL_DIRECT_WEBHOOKS")

    @property
    def topology(self) -> Topology:
        """Return the topology that roles with these settings declare."""
        return topology(shards=self.shards, rungs_ms=self.rungs_ms)


def settings_of(environ: Mapping[str, str], ready: Mapping[str, Any]) -> TopologySettings:
    """Return the settings of the roles that run here, or else of this shell.

    Raises:
        UsageError: No broker is known.
        SettingsError: A variable is wrong.
    """
    merged = dict(environ)
    if amqp_url := ready.get("amqp_url"):
        merged |= environment_of(ready) | {"PORTCALL_AMQP_URL": str(amqp_url)}
    if not merged.get("PORTCALL_AMQP_URL"):
        raise UsageError(
            "no broker is known: `portcall up` is not running here, and PORTCALL_AMQP_URL is"
            " not set. Start `portcall up`, or set PORTCALL_AMQP_URL, such as"
            " amqp://user:password@host:5672/"
        )
    return TopologySettings.from_environment(merged)


def environment_of(ready: Mapping[str, Any]) -> dict[str, str]:
    """Return the topology's settings from the environment of the roles of `portcall up`.

    They may differ from this shell's. Empty if no such role runs that this user may inspect.
    """
    for process in ready.get("processes", ()):
        found = _environ_of(process)
        if "PORTCALL_AMQP_URL" in found:
            return {name: found.get(name, "") for name in _DECIDING}
    return {}


def environ_of_role(role: str, ready: Mapping[str, Any]) -> dict[str, str]:
    """Return Portcall's variables in the environment of a role of `portcall up`, if it runs."""
    for process in ready.get("processes", ()):
        if isinstance(process, dict) and process.get("role") == role:
            return _environ_of(process)
    return {}


def _environ_of(process: Mapping[str, Any]) -> dict[str, str]:
    try:
        content = Path(f"/proc/{process['pid']}/environ").read_bytes()
    except (OSError, KeyError, TypeError):
        return {}
    pairs = [text.partition("=") for text in content.decode(errors="replace").split("\0")]
    return {name: value for name, _, value in pairs if name.startswith("PORTCALL_")}


def _settings() -> TopologySettings:
    """Return the broker's URL: PORTCALL_AMQP_URL, or else that of the running `portcall up`."""
    try:
        ready = {} if os.environ.get("PORTCALL_AMQP_URL") else read_ready(home_folder())
    except NotRunningError:
        ready = {}
    return settings_of(os.environ, ready)


@app.command("apply", epilog=examples("PORTCALL_AMQP_URL=amqp://... portcall topology apply"))
def apply_topology() -> None:
    """Declare the missing exchanges and queues; existing ones must have the same settings."""
    settings = _settings()
    wanted = settings.topology
    asyncio.run(apply(settings.amqp_url, wanted))
    note(
        f"The broker has {len(wanted.exchanges)} exchanges, {len(wanted.queues)} queues and"
        f" {len(wanted.bindings) + len(wanted.relays)} bindings of Portcall's."
    )


@app.command("show", epilog=examples("portcall topology show", "portcall topology show -o json"))
def show_topology(*, output: Format = None) -> None:
    """Show the queues with messages and arguments; with JSON also exchanges and bindings."""
    settings = _settings()
    wanted = settings.topology
    counts = asyncio.run(depths(settings.amqp_url, [queue.name for queue in wanted.queues]))
    if chosen(output) is Output.TABLE:
        say(table(queue_rows(wanted, counts)))
    else:
        say(pretty(document(wanted, counts)))


def queue_rows(wanted: Topology, counts: Mapping[str, int | None]) -> list[Row]:
    """Return the queues as rows of a table."""
    return [
        {
            "QUEUE": queue.name,
            "MESSAGES": "missing" if (count := counts[queue.name]) is None else str(count),
            "TYPE": str(queue.arguments["x-queue-type"]),
            "ARGUMENTS": " ".join(
                f"{name.removeprefix('x-')}={argument}"
                for name, argument in queue.arguments.items()
                if name != "x-queue-type"
            ),
        }
        for queue in wanted.queues
    ]


def document(wanted: Topology, counts: Mapping[str, int | None]) -> Document:
    """Return the topology as a JSON object; ``messages`` is null for a missing queue."""
    return {
        "exchanges": [
            {"name": each.name, "type": each.type, "arguments": each.arguments}
            for each in wanted.exchanges
        ],
        "queues": [
            {"name": each.name, "messages": counts[each.name], "arguments": each.arguments}
            for each in wanted.queues
        ],
        "bindings": [
            {
                "exchange": each.exchange,
                "queue": each.queue,
                "key": each.key,
                "headers": dict(each.headers),
            }
            for each in wanted.bindings
        ],
        "relays": [
            {"exchange": each.destination, "source": each.source, "key": each.key}
            for each in wanted.relays
        ],
    }
