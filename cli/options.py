"""The options that several commands share, with az's names and shorts, and how their words read."""

import re
from collections.abc import Iterable
from typing import Annotated, NamedTuple

import typer
from typer.models import OptionInfo

from portcall.cli import completion
from portcall.cli.errors import UsageError
from portcall.cli.output import Output
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import ACTION_NAMES, check_action

_NAME_AND_COLON = re.compile(r"^([^=:]+):\s*")
SERVER_PANEL = "Server"
EXTRAS_PANEL = "Beyond az"

Registry = Annotated[
    str,
    typer.Option(
        "--registry",
        "-r",
        help="The registry's name.",
        show_default=False,
        autocompletion=completion.registries,
    ),
]
Name = Annotated[
    str,
    typer.Option(
        "--name",
        "-n",
        help="The webhook's name.",
        show_default=False,
        autocompletion=completion.webhooks,
    ),
]
NAME_OPTION = ("--name", "-n")
"""az's way to give a name; commands that take it as an argument take it by these, too."""
Group = Annotated[
    str | None,
    typer.Option(
        "--resource-group",
        "-g",
        help="The registry's resource group; found by the registry's name where it is left out.",
        show_default=False,
    ),
]
Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="The management API's address, with its token in PORTCALL_TOKEN;"
        " else that of $PORTCALL_HOME/ready.json.",
        show_default=False,
        rich_help_panel=SERVER_PANEL,
    ),
]
Format = Annotated[
    Output | None,
    typer.Option(
        "--output",
        "-o",
        help="How to print: a table on a terminal and JSON elsewhere, unless told.",
        show_default=False,
        rich_help_panel=SERVER_PANEL,
    ),
]


URI = typer.Option("--uri", help="Where to POST to, http or https.", show_default=False)
ACTIONS = typer.Option(
    "--actions",
    metavar="ACTION...",
    help="What it subscribes to: push, delete, quarantine, chart_push, chart_delete.",
    show_default=False,
    autocompletion=completion.actions,
)
HEADERS = typer.Option(
    "--headers",
    metavar="NAME=VALUE...",
    help='Custom headers of every POST; "" for none.',
    show_default=False,
)
SCOPE = typer.Option(
    "--scope",
    help='The part of the registry: "" everything, repo:* all tags, repo:tag one tag,'
    " repo the same as repo:latest.",
    show_default=False,
)
STATUS = typer.Option("--status", help="Whether it gets POSTs.")
TAGS = typer.Option("--tags", metavar="KEY=VALUE...", help='Tags; "" for none.', show_default=False)
LOCATION = typer.Option(
    "--location", "-l", help="The location; the registry's, unless told.", show_default=False
)
SECRET = typer.Option(
    "--secret",
    metavar="SECRET",
    help='Sign every POST (Standard Webhooks): "generate", or your own whsec_...; "" for unsigned.',
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)
SIGNATURE = typer.Option(
    "--signature",
    help="How to sign: v1 (HMAC-SHA256, a shared secret), v1a (ed25519, a public key to verify"
    " with) or none. A secret that is needed is made.",
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)
SCHEDULE = typer.Option(
    "--retry-schedule",
    metavar="DELAYS",
    help='The delay before each retry, as 10s,1m,5m; "" for no retries, "default" for the'
    " installation's.",
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)


MAX_AGE = typer.Option(
    "--max-age",
    metavar="DURATION",
    help='How old a delivery may get before it is given up, as 12h; "none" for any age, "default"'
    " for the installation's.",
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)
DISABLE_AFTER = typer.Option(
    "--disable-after",
    metavar="DURATION",
    help='For how long every attempt must fail until it is disabled, as 5d; "none" for never,'
    ' "default" for the installation\'s.',
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)
RATE_LIMIT = typer.Option(
    "--rate-limit",
    metavar="RATE",
    min=0,
    help="POSTs a second at most, 0.1 to 100000; 0 for no limit.",
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)
CA_FILE = typer.Option(
    "--ca-file",
    metavar="FILE",
    help='Authorities (PEM): the only ones whose certificates of the endpoint are accepted; ""'
    " for the usual ones.",
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)
CLIENT_CERT = typer.Option(
    "--client-cert",
    metavar="FILE",
    help="A client certificate (PEM, with its chain, and perhaps its key) for an endpoint that asks"
    ' for one; "" for none.',
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)
CLIENT_KEY = typer.Option(
    "--client-key",
    metavar="FILE",
    help="Its private key (PEM, without a passphrase), where the certificate's file has none.",
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)
PROBE = typer.Option(
    "--probe/--no-probe",
    help="Probe it from time to time when it was disabled by itself; unless told, not after a 410.",
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)


class Setting(NamedTuple):
    """An option of `portcall webhook create` and `update` for a setting of ``properties.portcall``.

    Attributes:
        parameter: Its name in the command.
        key: In the API.
        kind: Of its value; the text "default" stands for null.
        option: The option.
    """

    parameter: str
    key: str
    kind: type
    option: OptionInfo


SETTINGS = (
    Setting("schedule", "retrySchedule", str, SCHEDULE),
    Setting("max_age", "maxAge", str, MAX_AGE),
    Setting("disable_after", "disableAfter", str, DISABLE_AFTER),
    Setting("probe", "probe", bool, PROBE),
    Setting("rate_limit", "rateLimit", float, RATE_LIMIT),
)
"""In the order of the help."""


def one_name(argument: str | None, option: str | None, command: str) -> str:
    """The name that was given: as the argument NAME, or by ``--name``.

    Args:
        argument: What was given as the argument.
        option: What was given by ``--name``.
        command: Whose help to name, e.g. ``registry create``.

    Raises:
        UsageError: It was not given, or two different ones were.
    """
    see = f"\nSee `portcall {command} --help`."
    if argument is None and option is None:
        raise UsageError(f"Missing argument 'NAME': write it as a word, or as --name NAME.{see}")
    if argument is not None and option is not None and argument != option:
        raise UsageError(
            f"two different names were given: {argument!r} as the argument NAME, and {option!r} by"
            f" --name: give one of them.{see}"
        )
    return str(option if argument is None else argument)


def pairs(words: Iterable[str], option: str) -> dict[str, str]:
    """The words of *option*: ``key=value``; ``key`` alone has an empty value, as with az.

    A single empty word is an empty map: that is how az clears one.

    Raises:
        UsageError: A word has no key.
    """
    found: dict[str, str] = {}
    for word in words:
        key, _, text = word.partition("=")
        if key:
            found[key] = text
        elif word:
            # What it is is not repeated: it may be a header's value.
            raise UsageError(f"{option}: a word has no name before the =: write name=value")
    return found


def headers(words: Iterable[str], option: str) -> dict[str, str]:
    """As `pairs`, and a word may also be ``Name: value``, as curl's users write it.

    Raises:
        UsageError: A word has no name.
    """
    return pairs((_NAME_AND_COLON.sub(r"\1=", word) for word in words), option)


def actions(words: Iterable[str]) -> list[str]:
    """Actions divided by spaces or commas, in lower case, each once.

    Raises:
        UsageError: One of them is no action, in az's words.
    """
    found = [action for word in words for action in word.lower().replace(",", " ").split()]
    for action in found:
        try:
            check_action(action)
        except InvalidValueError:
            raise UsageError(
                f"{action!r} is not a valid value for '--actions'. Allowed values: {ACTION_NAMES}."
            ) from None
    return list(dict.fromkeys(found))
