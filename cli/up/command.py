"""`portcall up`: the whole pipeline in the foreground, from nothing to ready.json."""

import asyncio
import os
import shutil
import sys
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer
from rich.console import Console

from portcall.cli.client import Management, Server, home_folder
from portcall.cli.commands.console import link_of
from portcall.cli.home import Home
from portcall.cli.tables import value
from portcall.cli.transport import HttpTransport
from portcall.cli.up.pipeline import Pipeline
from portcall.cli.up.plan import Plan, make_plan
from portcall.runtime import logs
from portcall.schemas.errors import PortcallError

LINK_S = 2.0
"""How long the start waits for a link."""

Routers = Annotated[int, typer.Option("--routers", min=1, max=32, help="Processes that route.")]
Deliverers = Annotated[
    int, typer.Option("--deliverers", min=1, max=32, help="Processes that deliver.")
]


def up(*, deliverers: Deliverers = 1, routers: Routers = 1) -> None:
    """Run the whole pipeline in the foreground until Ctrl-C.

    Every role is a process of its own, and is started again when it dies. Without
    PORTCALL_AMQP_URL a private RabbitMQ node runs beside them, without PORTCALL_DATABASE_URL the
    store is SQLite; both keep their files in $PORTCALL_HOME (./.portcall), and what was accepted
    before a stop, or a crash, is delivered after the next start. $PORTCALL_HOME/ready.json says
    where everything is, and is there as long as it is.
    """
    home = Home(home_folder())
    home.prepare()
    with home.locked():
        plan = make_plan(home, os.environ, routers=routers, deliverers=deliverers)
        logs.configure(role="up", level=plan.log_level, style=plan.log_format)
        console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        console.print(starting(plan))
        plan.prepare_tls()

        def tell() -> None:
            console.print("Portcall is ready.", style="bold green")
            console.print(ready(plan, link=sign_in_link(plan) if sys.stderr.isatty() else ""))

        asyncio.run(Pipeline(plan, on_ready=tell).run())
        console.print("Portcall has stopped.")


def starting(plan: Plan) -> str:
    """What is said before anything starts."""
    broker = "the broker of PORTCALL_AMQP_URL" if plan.amqp_url else "a private RabbitMQ node"
    store = "SQLite" if plan.database_url.startswith("sqlite") else "PostgreSQL"
    lines = [f"Portcall starts in {plan.home.path}, on {broker} and {store}."]
    if plan.allow_targets.strip().lower() != "none":
        lines.append(
            f"Webhooks may lead to {plan.allow_targets}, which is not public:"
            " set PORTCALL_ALLOW_TARGETS to other networks, or to none."
        )
    return "\n".join(lines)


def sign_in_link(plan: Plan) -> str:
    """A link that signs in to the console once; empty where there is none to be had.

    For a terminal only: what is printed elsewhere is kept in logs.
    """
    server = Server(plan.management_url, plan.producer_url, plan.token)
    with HttpTransport(plan.management_url, token=plan.token, patience_s=LINK_S) as http:
        try:
            return value(link_of(Management(server, http)), "url")
        except PortcallError:
            return ""


def _program() -> str:
    """Where the command `portcall` is that runs: beside its Python."""
    return str(Path(sys.executable).with_name("portcall"))


def ready(plan: Plan, *, link: str = "") -> str:
    """What is said when everything is ready: where that is, and what to do next.

    Args:
        plan: What runs.
        link: A link that signs in to the console once; empty: only its address is told.
    """
    named = "PORTCALL_HOME" in os.environ
    elsewhere = f"export PORTCALL_HOME={quote(str(plan.home.path))}" if named else ""
    next_lines = [
        elsewhere,
        "" if shutil.which("portcall") else f"alias portcall={quote(_program())}",
        "portcall registry create myregistry",
        "portcall webhook create -r myregistry -n ci01hook --actions push \\",
        "    --uri http://127.0.0.1:9000/hook",
        "portcall doctor",
    ]
    lines = [
        f"  management  {plan.management_url}",
        *([f"  over TLS    {plan.management_tls_url}"] if plan.management_tls_url else ()),
        f"  producer    {plan.producer_url}",
        f"  console     {plan.console_url}",
        f"  ready.json  {plan.home.ready_file}",
        *_signing_in(link),
        "Next, in another terminal:",
        *(f"  {line}" for line in next_lines if line),
        "Ctrl-C stops everything.",
    ]
    return "\n".join(lines)


def _signing_in(link: str) -> list[str]:
    if not link:
        return []
    return [
        "Sign in to the console, once, within ten minutes (later: `portcall console`):",
        f"  {link}",
    ]
