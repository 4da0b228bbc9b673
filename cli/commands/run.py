"""`portcall run`: run one role; the command's process becomes the role's process."""

import os
import sys
from enum import StrEnum
from typing import Annotated, NoReturn

import typer

from portcall.cli.examples import examples


class RunnableRole(StrEnum):
    """The roles that run on their own; each is a package with a ``__main__``."""

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
def run(
    role: Annotated[RunnableRole, typer.Argument(help="The role.", metavar="ROLE")],
) -> NoReturn:
    """Run one role of the pipeline on its own.

    Its settings come from the environment: at least PORTCALL_AMQP_URL, PORTCALL_DATABASE_URL and
    PORTCALL_TOKEN. By default such a deliverer sends only to public addresses;
    PORTCALL_ALLOW_TARGETS allows others.
    """
    # -P: a folder named "router" in the current directory must not shadow our package.
    arguments = [sys.executable, "-P", "-m", f"portcall.{role.value}"]
    os.execv(sys.executable, arguments)  # noqa: S606 (no shell: the role takes our place and pid)
