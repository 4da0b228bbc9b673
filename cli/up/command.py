"""`portcall up`: start the whole pipeline and write ready.json."""

import asyncio
import os
import shutil
import sys
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer
from rich.console import Console

from portcall.cli.client import Management
from portcall.cli.commands.console import link_of
from portcall.cli.errors import NodeError
from portcall.cli.home import Home
from portcall.cli.rabbitmq_versions import meaning
from portcall.cli.server import Server, home_folder
from portcall.cli.tables import value
from portcall.cli.transport import HttpTransport
from portcall.cli.up.broker import server_script
from portcall.cli.up.node_version import installed_version
from portcall.cli.up.pipeline import Pipeline
from portcall.cli.up.plan import Plan, make_plan
from portcall.runtime import logs
from portcall.runtime.variables import complaint, unknown_variables
from portcall.schemas.errors import PortcallError

LINK_S = 2.0
"""How long the start waits for a sign-in link."""

Routers = Annotated[
    int, typer.Option("--routers", min=1, max=32, help="Number of router processes.")
]
Deliverers = Annotated[
    int, typer.Option("--deliverers", min=1, max=32, help="Number of deliverer processes.")
]
Compact = Annotated[
    bool,
    typer.Option(
        "--compact",
        help="Run all roles in one process: they need less than half the memory; for small"
        " installations.",
    ),
]


def up(*, deliverers: Deliverers = 1, routers: Routers = 1, compact: Compact = False) -> None:
    """Run the whole pipeline in the foreground until Ctrl-C.

    Every role is a separate process, and is restarted when it dies; with --compact, one process
    runs all of them. Without PORTCALL_AMQP_URL, a private RabbitMQ node runs beside them; without
    PORTCALL_DATABASE_URL, the store is SQLite. Both keep their files in $PORTCALL_HOME
    (./.portcall). Events that were accepted before a stop or a crash are delivered after the next
    start. $PORTCALL_HOME/ready.json has all addresses, and exists while the pipeline is ready.
    """
    if not os.environ.get("PORTCALL_AMQP_URL"):
        server_script()  # RabbitMQ is missing: said before a folder and keys are made
    home = Home(home_folder())
    home.prepare()
    with home.locked():
        plan = make_plan(home, os.environ, routers=routers, deliverers=deliverers, compact=compact)
        logs.configure(role="up", level=plan.log_level, style=plan.log_format)
        console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        console.print(starting(plan))
        for name, nearest in unknown_variables(os.environ).items():
            console.print(f"Warning: {complaint(name, nearest)}", style="yellow")
        plan.prepare_tls()

        def tell() -> None:
            console.print("Portcall is ready.", style="bold green")
            console.print(ready(plan, link=sign_in_link(plan) if sys.stderr.isatty() else ""))

        asyncio.run(Pipeline(plan, on_ready=tell).run())
        console.print("Portcall has stopped.")


def starting(plan: Plan) -> str:
    """Print a line before anything starts."""
    broker = "the broker of PORTCALL_AMQP_URL" if plan.amqp_url else "a private RabbitMQ node"
    store = "SQLite" if plan.database_url.startswith("sqlite") else "PostgreSQL"
    lines = [f"Portcall starts in {plan.home.path}, on {broker} and {store}."]
    lines += [] if plan.amqp_url else _version_line()
    if plan.allow_targets.strip().lower() != "none":
        lines.append(
            f"Webhooks may send to {plan.allow_targets}, which are not public networks: set"
            " PORTCALL_ALLOW_TARGETS to other networks, or to none."
        )
    return "\n".join(lines)


def _version_line() -> list[str]:
    """Name the version of a private node and what that means, if it can be told."""
    try:
        version = installed_version(server_script())
    except NodeError:  # the start says it
        version = None
    return [] if version is None else [f"RabbitMQ {version}: {meaning(version)}."]


def sign_in_link(plan: Plan) -> str:
    """Return a link that signs in to the console once; empty if there is none.

    Only for a terminal: other output may end up in logs.
    """
    server = Server(plan.management_url, plan.producer_url, plan.token)
    with HttpTransport(plan.management_url, token=plan.token, patience_s=LINK_S) as http:
        try:
            return value(link_of(Management(server, http)), "url")
        except PortcallError:
            return ""


def _programs() -> str:
    """Return the folder of the running command `portcall`: that of its Python.

    On PATH, because shell completion runs the command by its name and knows no alias.
    """
    return str(Path(sys.executable).parent)


def ready(plan: Plan, *, link: str = "") -> str:
    """Print where everything is when all is ready, and what to do next.

    Args:
        plan: The running installation.
        link: A link that signs in to the console once; empty: print only the address.
    """
    next_lines = [
        f"export PORTCALL_HOME={quote(str(plan.home.path))}",
        "" if shutil.which("portcall") else f"export PATH=$PATH:{quote(_programs())}",
        "portcall registry create myregistry",
        "portcall webhook create -r myregistry -n ci01hook --actions push \\",
        "    --uri http://127.0.0.1:9000/hook",
        "portcall doctor",
    ]
    lines = [
        f"  management  {plan.management_url}",
        *([f"  with TLS    {plan.management_tls_url}"] if plan.management_tls_url else ()),
        f"  producer    {plan.producer_url}",
        f"  console     {plan.console_url}",
        f"  ready.json  {plan.home.ready_file}",
        *_signing_in(link),
        "Next, in another terminal:",
        *(f"  {line}" for line in next_lines if line),
        "Without a consumer, run `portcall sink --port 9000 --any-body` in a third terminal.",
        "Ctrl-C stops everything.",
    ]
    return "\n".join(lines)


def _signing_in(link: str) -> list[str]:
    if not link:
        return []
    return [
        "Sign in to the console, once, within ten minutes (for another link: `portcall console`):",
        f"  {link}",
    ]
