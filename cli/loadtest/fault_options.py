"""The load test's options of what is sent, what goes wrong, and whether the consumer is right."""

from typing import Annotated

import typer

from portcall.loadtest.faults.kinds import KINDS, Group
from portcall.loadtest.payloads.formats import FORMATS
from portcall.loadtest.send.senders import SENDERS
from portcall.loadtest.signing import Style

CONTENT, WRONG, RIGHT = "What is sent", "What goes wrong on purpose", "Is the consumer right?"

Payload = Annotated[
    str,
    typer.Option(
        "--payload",
        help=f"Whose payloads: {', '.join(each.name for each in FORMATS)}.",
        rich_help_panel=CONTENT,
    ),
]
Actions = Annotated[
    list[str],
    typer.Option(
        "--action",
        metavar="ACTION[:WEIGHT]",
        help="push, delete, quarantine, chart_push, chart_delete or ping, also with weights:"
        " push:9,delete:1; may be repeated.",
        rich_help_panel=CONTENT,
    ),
]
Repositories = Annotated[
    int,
    typer.Option(
        "--repositories", min=1, max=1_000_000, help="How many there are.", rich_help_panel=CONTENT
    ),
]
Zipf = Annotated[
    float,
    typer.Option(
        "--zipf",
        min=0,
        max=10,
        help="The exponent of the Zipf law by which one is chosen; 0: all alike.",
        rich_help_panel=CONTENT,
    ),
]
Tags = Annotated[
    int,
    typer.Option(
        "--tags", min=1, max=1_000_000, help="How many a repository has.", rich_help_panel=CONTENT
    ),
]
Size = Annotated[
    int,
    typer.Option(
        "--size",
        min=0,
        max=25_000_000,
        metavar="BYTES",
        help="Pad smaller bodies to so many bytes.",
        rich_help_panel=CONTENT,
    ),
]
Copies = Annotated[
    int,
    typer.Option(
        "--copies",
        min=1,
        max=100,
        help="How often a duplicate comes after the first.",
        rich_help_panel=WRONG,
    ),
]
CopiesAfter = Annotated[
    str,
    typer.Option(
        "--copies-after",
        metavar="FROM-TO",
        help="When, as 1s-3s; what comes at once still does.",
        show_default=False,
        rich_help_panel=WRONG,
    ),
]
SwapWithin = Annotated[
    str,
    typer.Option(
        "--swap-within",
        metavar="FROM-TO",
        help="How late a POST is that others overtake: 200ms-1s, unless told.",
        show_default=False,
        rich_help_panel=WRONG,
    ),
]
Secret = Annotated[
    str,
    typer.Option(
        "--secret",
        help="Sign with it: whsec_... or whsk_... (Standard Webhooks, Svix), or any text (the"
        " others). Unsigned without one.",
        envvar="PORTCALL_LOADTEST_SECRET",
        show_envvar=True,
        show_default=False,
        rich_help_panel=CONTENT,
    ),
]
SigningStyle = Annotated[
    Style, typer.Option("--style", help="Whose signatures.", rich_help_panel=CONTENT)
]
Faults = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        metavar="NAME[:RATE]",
        help="What befalls which part of the events, as duplicate:5% (1 % unless told); may be"
        f" repeated. all, {', '.join(Group)}, or {', '.join(each.name for each in KINDS)}.",
        show_default=False,
        rich_help_panel=WRONG,
    ),
]
Retries = Annotated[
    str,
    typer.Option(
        "--retries",
        metavar="DELAYS",
        help="Send again what failed: delays, as 1s,5s,30s, or a known sender's schedule:"
        f" {', '.join(each.name for each in SENDERS if each.schedule_ms)}.",
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
        help="Run the retries' clock so many times faster: at 60 a minute takes a second.",
        rich_help_panel=WRONG,
    ),
]
Jitter = Annotated[
    bool,
    typer.Option(
        "--retry-jitter/--no-retry-jitter",
        help="Whether the delays vary.",
        rich_help_panel=WRONG,
    ),
]
Outages = Annotated[
    str,
    typer.Option(
        "--outage",
        metavar="FROM-TO",
        help="Take the consumer to be away meanwhile, as 20s-40s; --retries then make the storm.",
        show_default=False,
        rich_help_panel=WRONG,
    ),
]
Processed = Annotated[
    str,
    typer.Option(
        "--processed",
        metavar="URL|FILE|COMMAND",
        help="Where the consumer says which ids it processed: JSON, or a line each.",
        show_default=False,
        rich_help_panel=RIGHT,
    ),
]
Settle = Annotated[
    str,
    typer.Option(
        "--settle",
        metavar="DURATION",
        help="How long it may go on processing what it accepted.",
        rich_help_panel=RIGHT,
    ),
]
KillCommand = Annotated[
    str,
    typer.Option(
        "--kill-cmd",
        metavar="COMMAND",
        help="Run it in the middle, to kill the consumer and start it again: is what it had"
        " accepted processed all the same?",
        show_default=False,
        rich_help_panel=RIGHT,
    ),
]
KillAt = Annotated[
    str,
    typer.Option(
        "--kill-at",
        metavar="DURATION",
        help="When; in the middle of the run, unless told.",
        show_default=False,
        rich_help_panel=RIGHT,
    ),
]
Conformance = Annotated[
    bool,
    typer.Option(
        "--conformance",
        help="Grade the consumer from A to F after the run: some 90 POSTs in 3 s.",
        rich_help_panel=RIGHT,
    ),
]
