"""The load test's options for the content, the faults, and the checks of the consumer."""

from typing import Annotated

import typer

from portcall.loadtest.faults.kinds import KINDS, Group
from portcall.loadtest.payloads.formats import FORMATS
from portcall.loadtest.send.senders import SENDERS
from portcall.loadtest.signing import Style

CONTENT, WRONG, RIGHT = "Requests", "Fault injection", "Correctness checks"

Payload = Annotated[
    str,
    typer.Option(
        "--payload",
        help=f"The payload format: {', '.join(each.name for each in FORMATS)}.",
        rich_help_panel=CONTENT,
    ),
]
Actions = Annotated[
    list[str],
    typer.Option(
        "--action",
        metavar="ACTION[:WEIGHT]",
        help="push, delete, quarantine, chart_push, chart_delete or ping, optionally with"
        " weights: push:9,delete:1; may be repeated.",
        rich_help_panel=CONTENT,
    ),
]
Repositories = Annotated[
    int,
    typer.Option(
        "--repositories",
        min=1,
        max=1_000_000,
        help="The number of repositories.",
        rich_help_panel=CONTENT,
    ),
]
Zipf = Annotated[
    float,
    typer.Option(
        "--zipf",
        min=0,
        max=10,
        help="The exponent of the Zipf law that chooses a repository; 0: all equally often.",
        rich_help_panel=CONTENT,
    ),
]
Tags = Annotated[
    int,
    typer.Option(
        "--tags", min=1, max=1_000_000, help="Tags per repository.", rich_help_panel=CONTENT
    ),
]
Size = Annotated[
    int,
    typer.Option(
        "--size",
        min=0,
        max=25_000_000,
        metavar="BYTES",
        help="Pad smaller bodies to this many bytes.",
        rich_help_panel=CONTENT,
    ),
]
Copies = Annotated[
    int,
    typer.Option(
        "--copies",
        min=1,
        max=100,
        help="How many copies a duplicated request has.",
        rich_help_panel=WRONG,
    ),
]
CopiesAfter = Annotated[
    str,
    typer.Option(
        "--copies-after",
        metavar="FROM-TO",
        help="The delay of a copy, such as 1s-3s; copies that are sent at once are not delayed.",
        show_default=False,
        rich_help_panel=WRONG,
    ),
]
SwapWithin = Annotated[
    str,
    typer.Option(
        "--swap-within",
        metavar="FROM-TO",
        help="The delay of a request that others overtake; by default 200ms-1s.",
        show_default=False,
        rich_help_panel=WRONG,
    ),
]
SECRET_VARIABLE = "PORTCALL_LOADTEST_SECRET"  # noqa: S105 (a variable's name)
Secret = Annotated[
    str,
    typer.Option(
        "--secret",
        help="Sign with this secret: whsec_... or whsk_... (Standard Webhooks, Svix), or any"
        " text (the others). Without it, requests are unsigned.",
        envvar=SECRET_VARIABLE,
        show_envvar=True,
        show_default=False,
        rich_help_panel=CONTENT,
    ),
]
SigningStyle = Annotated[
    Style, typer.Option("--style", help="The signature style.", rich_help_panel=CONTENT)
]
Faults = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        metavar="NAME[:RATE]",
        help="Inject a fault into part of the events, such as duplicate:5% (1 % by default);"
        f" may be repeated. all, {', '.join(Group)}, or"
        f" {', '.join(each.name for each in KINDS)}.",
        show_default=False,
        rich_help_panel=WRONG,
    ),
]
Retries = Annotated[
    str,
    typer.Option(
        "--retries",
        metavar="DELAYS",
        help="Retry failed requests: delays, such as 1s,5s,30s, or the schedule of a known"
        f" sender: {', '.join(each.name for each in SENDERS if each.schedule_ms)}.",
        show_default=False,
        rich_help_panel=WRONG,
    ),
]
FinalAnswers = Annotated[
    str,
    typer.Option(
        "--final-answers",
        metavar="ANSWERS",
        help="Answers that refuse a request for good: no retry follows, and reports count them"
        " apart from failures. receiver-refuses, or a list such as 400,404 or 4xx; as a webhook's"
        " setting of that name.",
        show_default=False,
        rich_help_panel=WRONG,
    ),
]
Compression = Annotated[
    float,
    typer.Option(
        "--compress",
        min=1,
        max=1_000_000,
        help="Run the retries' clock this many times faster: with 60, a minute takes a second.",
        rich_help_panel=WRONG,
    ),
]
Jitter = Annotated[
    bool,
    typer.Option(
        "--retry-jitter/--no-retry-jitter",
        help="Whether the retry delays vary randomly.",
        rich_help_panel=WRONG,
    ),
]
Outages = Annotated[
    str,
    typer.Option(
        "--outage",
        metavar="FROM-TO",
        help=(
            "Simulate an outage of the consumer, such as 20s-40s; afterwards --retries make a"
            " retry storm."
        ),
        show_default=False,
        rich_help_panel=WRONG,
    ),
]
Processed = Annotated[
    str,
    typer.Option(
        "--processed",
        metavar="URL|FILE|COMMAND",
        help="Where the consumer reports the ids that it processed: as JSON, or one per line. A"
        " delivery that is lost, processed twice, forged or out of order fails the run.",
        show_default=False,
        rich_help_panel=RIGHT,
    ),
]
Settle = Annotated[
    str,
    typer.Option(
        "--settle",
        metavar="DURATION",
        help="How long the consumer may take to process accepted requests after the run.",
        rich_help_panel=RIGHT,
    ),
]
KillCommand = Annotated[
    str,
    typer.Option(
        "--kill-cmd",
        metavar="COMMAND",
        help="Run this command in the middle, to kill and restart the consumer: does it still"
        " process what it had accepted?",
        show_default=False,
        rich_help_panel=RIGHT,
    ),
]
KillAt = Annotated[
    str,
    typer.Option(
        "--kill-at",
        metavar="DURATION",
        help="When to run it; by default in the middle of the run.",
        show_default=False,
        rich_help_panel=RIGHT,
    ),
]
Conformance = Annotated[
    bool,
    typer.Option(
        "--conformance",
        help="Grade the consumer from A to F after the run: about 90 requests in 3 s. C, D and F"
        " fail the run.",
        rich_help_panel=RIGHT,
    ),
]
Only = Annotated[
    str,
    typer.Option(
        "--only",
        metavar="ID[,ID]",
        help="Send only these deliveries of the run with the same options and --seed. Reports print"
        " the whole command beside each finding.",
        show_default=False,
        rich_help_panel=RIGHT,
    ),
]
ReportOnly = Annotated[
    bool,
    typer.Option(
        "--report-only",
        help="Only report what the checks find: then thresholds alone decide about the exit code.",
        rich_help_panel=RIGHT,
    ),
]
