"""`portcall run`: one role, as the process that the command itself was."""

import os
import sys
from enum import StrEnum
from typing import Annotated, NoReturn

import typer

from portcall.cli.examples import examples


class Role(StrEnum):
    """The roles that run alone; each is a package with a ``__main__``."""

    PRODUCER = "producer"
    ROUTER = "router"
    DELIVERER = "deliverer"
    RECORDER = "recorder"
    MANAGEMENT = "management"


app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(
    epilog=examples(
        "export PORTCALL_AMQP_URL=amqp://user:password@broker/ \\",
        "    PORTCALL_DATABASE_URL=postgresql://user:password@db/portcall \\",
        "    PORTCALL_TOKEN=0123456789abcdef",
        "portcall topology apply",
        "portcall run deliverer",
    )
)
def run(role: Annotated[Role, typer.Argument(help="Which one.", metavar="ROLE")]) -> NoReturn:
    """Run one role of the pipeline alone.

    Its settings come from the environment: PORTCALL_AMQP_URL, PORTCALL_DATABASE_URL and
    PORTCALL_TOKEN at least. A deliverer that runs alone POSTs to public addresses only, unless
    PORTCALL_ALLOW_TARGETS says more.
    """
    # -P: a folder named "router" in the current directory must not be taken for ours.
    arguments = [sys.executable, "-P", "-m", f"portcall.{role.value}"]
    os.execv(sys.executable, arguments)  # noqa: S606 (no shell: the role takes our place and pid)
