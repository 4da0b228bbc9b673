"""The `portcall` command: the table of its commands, and their exit codes.

Every exception of a command is printed as one line on standard error, with az's exit codes: 0, 1
the service refused, 2 wrong usage, 3 not found. Users see no traceback.
"""

import logging
import os
import sys
import traceback
from typing import Annotated, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from portcall import __version__
from portcall.cli.argv import spread
from portcall.cli.az_options import instead_of, instead_of_format
from portcall.cli.errors import SERVICE_ERROR, USAGE, CliError
from portcall.cli.examples import examples
from portcall.cli.lazy import HELP, LazyCommand, hide_types_of_flags
from portcall.cli.output import complain, note, say
from portcall.runtime.errors import SettingsError
from portcall.runtime.secret_files import SECRETS, with_secret_files
from portcall.schemas.errors import InvalidValueError, PortcallError

WEBHOOKS = "Registries and webhooks"
TESTING = "Load tests"
SERVER = "Server"
CARE = "Operation"

COMMANDS = (
    (
        WEBHOOKS,
        "registry",
        "commands.registry:app",
        "Create, list, show and delete registries.",
    ),
    (
        WEBHOOKS,
        "webhook",
        "webhook.command:app",
        "Manage webhooks, and see the requests to them.",
    ),
    (
        WEBHOOKS,
        "explain",
        "commands.explain:explain",
        "Explain which webhooks get an event, and each delivery.",
    ),
    (
        WEBHOOKS,
        "replay",
        "commands.replay:app",
        "Retry deliveries that were given up.",
    ),
    (
        WEBHOOKS,
        "dead-letters",
        "dead_letters.command:app",
        "List, resend and purge dead letters.",
    ),
    (
        WEBHOOKS,
        "source",
        "source.command:app",
        "Manage the sources of registries: Harbor, GitHub and others.",
    ),
    (WEBHOOKS, "token", "commands.token:app", "Create, list and revoke tokens."),
    (WEBHOOKS, "emit", "commands.emit:emit", "Publish synthetic registry events."),
    (
        TESTING,
        "loadtest",
        "loadtest.command:app",
        "Load-test a webhook consumer and check its behaviour.",
    ),
    (
        TESTING,
        "sink",
        "loadtest.sink:sink",
        "Run a webhook consumer that shows the requests it gets.",
    ),
    (
        SERVER,
        "up",
        "up.command:up",
        "Run the whole pipeline in the foreground until Ctrl-C.",
    ),
    (
        SERVER,
        "demo",
        "demo.command:demo",
        "Show the whole pipeline at work, in a temporary folder.",
    ),
    (SERVER, "run", "commands.run:app", "Run one role of the pipeline on its own."),
    (
        SERVER,
        "az-env",
        "az.env:app",
        "Print shell lines that point Microsoft's az at this server.",
    ),
    (
        SERVER,
        "console",
        "commands.console:app",
        "Print a link that signs in to the console once.",
    ),
    (
        CARE,
        "top",
        "commands.top:top",
        "Watch rates, queues, retries and failing endpoints, live.",
    ),
    (
        CARE,
        "capacity",
        "capacity.command:capacity",
        "Calculate what an installation needs for a load.",
    ),
    (
        CARE,
        "topology",
        "commands.topology:app",
        "Declare or show the broker's exchanges and queues.",
    ),
    (CARE, "store", "commands.store:app", "Migrate the database before the roles start."),
    (
        CARE,
        "audit",
        "commands.audit:app",
        "Check that every accepted event is accounted for.",
    ),
    (
        CARE,
        "drain",
        "commands.drain:app",
        "Stop accepting events, and wait until nothing is pending.",
    ),
    (
        CARE,
        "secrets",
        "commands.secrets:app",
        "Show, replace and apply the keys that seal secrets.",
    ),
    (
        CARE,
        "doctor",
        "doctor.command:app",
        "Report what is wrong here, and how to fix it.",
    ),
)
"""Panel of the help page, name, module of the command, summary."""

EXAMPLES = {
    "capacity": examples(
        "portcall capacity --events 500 --fan-out 20 --response 2kB --retention 7d",
        "portcall capacity --events 2k --batch 50 --store postgresql -o json",
    ),
    "explain": examples(
        "portcall explain 0b6f3a52-6a2e-4a56-9d0f-2f3b6d1c8e47 -r myregistry",
        "portcall explain 0b6f3a52-6a2e-4a56-9d0f-2f3b6d1c8e47 -r myregistry -o json",
    ),
    "top": examples(
        "portcall top", "portcall top -r myregistry --span 24h", "portcall top -o json"
    ),
    "up": examples(
        "portcall up",
        "portcall up --routers 2 --deliverers 4",
        "PORTCALL_HOME=/var/lib/portcall portcall up",
    ),
}
"""The end of the help page, for commands whose docstring has no examples."""

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": HELP},
    epilog=examples(
        "portcall up",
        "portcall registry create myregistry",
        "portcall webhook create -r myregistry -n ci01hook \\",
        "    --uri https://ci.example.com/hook --actions push delete",
        "portcall webhook list-events -r myregistry -n ci01hook",
    ),
)


def _version(asked: bool) -> None:  # noqa: FBT001 (typer calls it with the option's value)
    if asked:
        say(f"portcall {__version__}")
        raise typer.Exit


@app.callback()
def portcall(
    *,
    _asked: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Webhooks for any container registry: routed, retried, recorded, over RabbitMQ."""


def command() -> TyperGroup:
    """Return the whole command line, with its commands not imported yet."""
    group = get_command(app)
    if not isinstance(group, TyperGroup):
        raise TypeError("an app with a callback is a group")
    hide_types_of_flags(group)
    for panel, name, target, summary in COMMANDS:
        epilog = EXAMPLES.get(name, "")
        group.add_command(LazyCommand(name, target, summary, panel=panel, epilog=epilog))
    return group


def main() -> NoReturn:
    """Run the command line of this process, and exit with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # both are text files here
    # Commands report errors by exceptions; the libraries' log lines would only repeat them.
    logging.lastResort = logging.NullHandler()
    sys.exit(read_secret_files(sys.argv[1:]) or run(sys.argv[1:]))


def read_secret_files(arguments: list[str]) -> int:
    """Put the secrets that are in files into the environment, once for every command.

    Returns:
        An exit code other than 0 if a file cannot be used; help is there all the same.
    """
    try:
        environ = with_secret_files(os.environ)
    except SettingsError as error:
        if {"--help", "-h"} & set(arguments):
            return 0
        complain(str(error))
        return USAGE
    for name in SECRETS:
        if os.environ.get(f"{name}_FILE"):
            os.environ[name] = environ[name]
            del os.environ[f"{name}_FILE"]
    return 0


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code.

    Raises:
        SystemExit: The shell asked for completions, or the reader of the output has gone.
    """
    try:
        ended = command().main(spread(arguments), prog_name="portcall", standalone_mode=False)
    except TyperException as error:
        return _misused(error)
    except typer.Abort:
        note("Aborted.")
        return SERVICE_ERROR
    except PortcallError as error:
        complain(str(error))
        return _code(error)
    except Exception as error:  # noqa: BLE001 (the one place: users get a line, not a traceback)
        return _broken(error)
    return ended if isinstance(ended, int) else 0


def _code(error: PortcallError) -> int:
    if isinstance(error, CliError):
        return error.exit_code
    return USAGE if isinstance(error, SettingsError | InvalidValueError) else SERVICE_ERROR


def _misused(error: TyperException) -> int:
    """Print a usage error, and where the correct usage is described."""
    context = getattr(error, "ctx", None)
    if message := error.format_message():
        message = instead_of(getattr(error, "option_name", "")) or message
        complain(message.replace("Value error, ", ""))  # pydantic's prefix is of no use to users
        if form := instead_of_format(message):
            note(form)
        if context is not None:
            note(f"See `{context.command_path} --help`.")
    return error.exit_code


def _broken(error: Exception) -> int:
    """Print an error of portcall itself, or of the machine."""
    if isinstance(error, OSError) and error.strerror:
        complain(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
        return SERVICE_ERROR
    complain(
        f"this is a bug in portcall: {type(error).__name__}: {error}. Run it again with"
        " PORTCALL_LOG_LEVEL=debug to see where, and please report it"
    )
    if os.environ.get("PORTCALL_LOG_LEVEL") == "debug":
        traceback.print_exception(error)
    return SERVICE_ERROR


if __name__ == "__main__":
    main()
