"""The options that several commands share, with az's names and short forms, and their parsers."""

import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any, NamedTuple

import typer
from typer.models import OptionInfo

from portcall.cli import completion, formats
from portcall.cli.errors import UsageError
from portcall.cli.output import Output
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import ACTION_NAMES, check_action
from portcall.schemas.filter_words import filters_in

Completion = Callable[..., Any]
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


def name_too(autocompletion: Completion | None = None) -> OptionInfo:
    """Az's option for a name, of a command that takes the name as an argument."""
    found: OptionInfo = typer.Option(
        "--name",
        "-n",
        help="The same as NAME, as in az.",
        show_default=False,
        autocompletion=autocompletion,
    )
    return found


NameOption = Annotated[str | None, name_too()]
Group = Annotated[
    str | None,
    typer.Option(
        "--resource-group",
        "-g",
        help="The registry's resource group; by default found by the registry's name.",
        show_default=False,
    ),
]
Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="The management API's address; its token comes from PORTCALL_TOKEN. By default"
        " PORTCALL_URL, else both come from $PORTCALL_HOME/ready.json.",
        show_default=False,
        rich_help_panel=SERVER_PANEL,
    ),
]
Format = Annotated[
    Output | None,
    typer.Option(
        "--output",
        "-o",
        help="The output format; by default a table on a terminal, and JSON elsewhere.",
        show_default=False,
        rich_help_panel=SERVER_PANEL,
    ),
]


URI = typer.Option("--uri", help="The endpoint's URL, http or https.", show_default=False)
ACTIONS = typer.Option(
    "--actions",
    metavar="ACTION...",
    help="The actions to subscribe to: push, delete, quarantine, chart_push, chart_delete;"
    " beyond ACR untag, a deleted tag.",
    show_default=False,
    autocompletion=completion.actions,
)
HEADERS = typer.Option(
    "--headers",
    metavar="NAME=VALUE...",
    help='Custom headers of every request; "" for none.',
    show_default=False,
)
SCOPE = typer.Option(
    "--scope",
    help='The part of the registry to subscribe to: "" everything, repo:* all tags, repo:tag'
    " one tag, repo means repo:latest.",
    show_default=False,
)
SCOPES = typer.Option(
    "--scopes",
    metavar="PATTERN...",
    help="Patterns that narrow the scope: team/* one part, team/** any parts, team/*:v[0-9]* tags,"
    ' !team/test/** an exclusion (in single quotes); "" for none.',
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)
STATUS = typer.Option("--status", help="Whether it gets requests.")
TAGS = typer.Option("--tags", metavar="KEY=VALUE...", help='Tags; "" for none.', show_default=False)
LOCATION = typer.Option(
    "--location", "-l", help="The location; by default the registry's.", show_default=False
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
    help="How to sign: v1 (HMAC-SHA256, a shared secret), v1a (ed25519, verified with a public"
    " key) or none. If a secret is needed, one is created.",
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)
SCHEDULE = typer.Option(
    "--retry-schedule",
    metavar="DELAYS",
    help='The delay before each retry, such as 10s,1m,5m; "" for no retries, "default" for'
    " PORTCALL_RETRY_SCHEDULE.",
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)


MAX_AGE = typer.Option(
    "--max-age",
    metavar="DURATION",
    help='The age at which a delivery is given up, such as 12h; "none" for no limit, "default"'
    " for PORTCALL_MAX_AGE.",
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)
DISABLE_AFTER = typer.Option(
    "--disable-after",
    metavar="DURATION",
    help='Disable the webhook when every attempt has failed for this long, such as 5d; "none"'
    ' for never, "default" for PORTCALL_DISABLE_AFTER.',
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)
RATE_LIMIT = typer.Option(
    "--rate-limit",
    metavar="RATE",
    min=0,
    help="Requests per second at most, 0.1 to 100000; 0 for no limit.",
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)
FILTERS = typer.Option(
    "--filters",
    metavar="FILTER...",
    help="Which events to hold back, although actions and scope cover them: taggedOnly,"
    " noReferrers, changedOnly, or artifactTypes=image,index to get only these types (image, index,"
    " helm, signature, attestation, sbom, wasm, cache, other, unknown), or coalesce=1m to get one"
    " POST for an index and its children: a push without a tag waits that long for its index (1s"
    " to 1h); tagsOnDelete holds nothing back: a delete waits 2s, and names the tags that went with"
    ' it. Replaces all; "" for none.',
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)
FINAL_ANSWERS = typer.Option(
    "--final-answers",
    metavar="ANSWER...",
    help="Answers that refuse a delivery for good, so that it is not retried: receiver-refuses"
    " (400, 401, 403, 404, 405, 413, 415, 422), or a list such as 400,404 or 4xx; acr for none.",
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)
CA_FILE = typer.Option(
    "--ca-file",
    metavar="FILE",
    help='CA certificates (PEM) for the endpoint\'s certificate; no others are trusted. "" for'
    " the usual ones.",
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)
CLIENT_CERT = typer.Option(
    "--client-cert",
    metavar="FILE",
    help="A client certificate (PEM, with its chain, and optionally its key) for an endpoint"
    ' that requires one; "" for none.',
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)
CLIENT_KEY = typer.Option(
    "--client-key",
    metavar="FILE",
    help=(
        "Its private key (PEM, without a passphrase), if the certificate's file does not"
        " contain it."
    ),
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)
PROBE = typer.Option(
    "--probe/--no-probe",
    help=(
        "Whether to probe the webhook from time to time after it was disabled automatically;"
        " by default yes, except after a 410."
    ),
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)

TRACEPARENT = typer.Option(
    "--traceparent/--no-traceparent",
    help=(
        "Whether the POSTs have the header traceparent, which continues the event's trace; by"
        " default yes, if PORTCALL_TRACING is on."
    ),
    show_default=False,
    rich_help_panel=EXTRAS_PANEL,
)


def patterns(words: Iterable[str]) -> list[str]:
    """Parse patterns separated by spaces or commas, which no pattern has."""
    return [pattern for word in words for pattern in word.replace(",", " ").split()]


def final_answers(words: Iterable[str]) -> str | None:
    """Join answers with commas, as the API reads them; "default" is None."""
    text = ",".join(words)
    return None if text == "default" else text


FORMAT = typer.Option(
    "--format",
    metavar="NAME [KEY=VALUE...]",
    help="The format of the POSTs, with its settings, such as slack, or cloudevents mode=binary;"
    ' template=@FILE reads a template. "acr" for ACR\'s. docs/formats.md shows each.'
    f" Receivers: {formats.RECEIVERS}; docs/receivers.md says more.",
    show_default=False,
    autocompletion=completion.formats,
    rich_help_panel=EXTRAS_PANEL,
)


class SettingOption(NamedTuple):
    """An option of `portcall webhook create` and `update` for a setting of ``properties.portcall``.

    Attributes:
        parameter: Its name in the command.
        key: In the API.
        kind: Of its value; the text "default" stands for null.
        option: The option.
        read: What the API is sent, of a value that is not "default".
    """

    parameter: str
    key: str
    kind: Any
    option: OptionInfo
    read: Callable[[Any], object] = lambda given: given

    @property
    def name(self) -> str:
        """The option's name, as it is typed: ``--filters``."""
        # Typer keeps the first word as a default until it reads the command's parameters.
        words = map(str, (self.option.default, *(self.option.param_decls or ())))
        return next(word for word in words if word.startswith("--")).partition("/")[0]


SETTINGS = (
    SettingOption("schedule", "retrySchedule", str, SCHEDULE),
    SettingOption("max_age", "maxAge", str, MAX_AGE),
    SettingOption("disable_after", "disableAfter", str, DISABLE_AFTER),
    SettingOption("probe", "probe", bool, PROBE),
    SettingOption("rate_limit", "rateLimit", float, RATE_LIMIT),
    SettingOption("filters", "filters", list[str], FILTERS, filters_in),
    SettingOption("scopes", "scopes", list[str], SCOPES, patterns),
    SettingOption("format_words", "format", list[str], FORMAT, formats.read_format),
    SettingOption("final_answers", "finalAnswers", list[str], FINAL_ANSWERS, final_answers),
    SettingOption("traceparent", "traceparent", bool, TRACEPARENT),
)
"""In the order of the help."""


def one_name(argument: str | None, option: str | None, command: str) -> str:
    """Return the name, given as the argument NAME or by ``--name``.

    Args:
        argument: The value of the argument.
        option: The value of ``--name``.
        command: The command for the help hint, e.g. ``registry create``.

    Raises:
        UsageError: No name was given, or two different ones.
    """
    see = f"\nSee `portcall {command} --help`."
    if argument is None and option is None:
        raise UsageError(f"Missing argument 'NAME': write it as a word, or as --name NAME.{see}")
    if argument is not None and option is not None and argument != option:
        raise UsageError(
            f"two different names were given: {argument!r} as the argument NAME, and"
            f" {option!r} by --name: give one of them.{see}"
        )
    return str(option if argument is None else argument)


def pairs(words: Iterable[str], option: str) -> dict[str, str]:
    """Parse the words of *option*: ``key=value``; ``key`` alone has an empty value, as in az.

    A single empty word is an empty map, as in az.

    Raises:
        UsageError: A word has no key.
    """
    found: dict[str, str] = {}
    for word in words:
        key, _, text = word.partition("=")
        if key:
            found[key] = text
        elif word:
            # The word is not repeated: it may be a header's value.
            raise UsageError(f"{option}: a word has no name before the =: write name=value")
    return found


def headers(words: Iterable[str], option: str) -> dict[str, str]:
    """Do the same as `pairs`, but also accept ``Name: value``, as in curl, and want a value.

    Raises:
        UsageError: A word has no name, or no value: ``NAME=`` is a header without a value.
    """
    found = [_NAME_AND_COLON.sub(r"\1=", word) for word in words]
    for number, word in enumerate(found, 1):
        if word and "=" not in word:
            # The word is not repeated: it may be a header's value.
            raise UsageError(
                f"{option}: word {number} of {len(found)} has no = and a value: write NAME=VALUE,"
                " in quotes if it has spaces; NAME= is a header without a value"
            )
    return pairs(found, option)


def actions(words: Iterable[str]) -> list[str]:
    """Parse actions separated by spaces or commas, in lower case, without duplicates.

    Raises:
        UsageError: One of them is not an action; the message is az's.
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
