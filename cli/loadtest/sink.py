"""`portcall sink`: a webhook consumer for experiments, correct by default and faulty by options."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from portcall.cli.errors import UsageError
from portcall.cli.output import note
from portcall.loadtest.sink.behaviour import Behaviour
from portcall.loadtest.sink.memory import Memory
from portcall.loadtest.sink.server import DEFAULT_MAX_BODY, Sink
from portcall.loadtest.sink.serving import serve
from portcall.loadtest.sink.showing import Shower
from portcall.loadtest.sink.verifying import SinkKeys
from portcall.schemas.durations import parse_duration_ms

SLOW, WRONG, HOSTILE, LISTEN = "Slow", "Deliberate faults", "Hostile", "The sink"


def _rate(flag: str, words: str, panel: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        flag, min=0, max=1, metavar="RATE", help=words, rich_help_panel=panel
    )
    return option


def _time(flag: str, words: str, panel: str = SLOW) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        flag, metavar="DURATION", help=words, show_default=False, rich_help_panel=panel
    )
    return option


def _flag(flag: str, words: str, panel: str = WRONG) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(flag, help=words, rich_help_panel=panel)
    return option


Port = Annotated[
    int,
    typer.Option(
        "--port", "-p", min=0, max=65535, help="The port; 0: any free one.", rich_help_panel=LISTEN
    ),
]
Host = Annotated[
    str, typer.Option("--host", help="The address to listen on.", rich_help_panel=LISTEN)
]
Secrets = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        help="Verify signatures with this secret: whsec_..., a public key whpk_..., or another"
        " sender's secret; may be repeated. Without it, nothing is verified.",
        envvar="PORTCALL_SINK_SECRET",
        show_envvar=True,
        show_default=False,
        rich_help_panel=LISTEN,
    ),
]
StoreFile = Annotated[
    Path | None,
    typer.Option(
        "--file",
        dir_okay=False,
        help=(
            "Keep the processed events in this file, one line of JSON each; read again at the"
            " next start."
        ),
        show_default=False,
        rich_help_panel=LISTEN,
    ),
]
MaxBody = Annotated[
    int,
    typer.Option(
        "--max-body", min=1, help="Answer longer bodies with 413; bytes.", rich_help_panel=LISTEN
    ),
]
AnyBody = Annotated[
    bool,
    _flag(
        "--any-body",
        "Take bodies of every format, such as slack or a template. Without it, what is no"
        " registry's event is refused with 400.",
        LISTEN,
    ),
]
Quiet = Annotated[
    bool, _flag("--quiet", "Do not print requests; printing costs time under load.", LISTEN)
]
Seed = Annotated[
    int, typer.Option("--seed", help="Seeds the choice of faulty requests.", rich_help_panel=LISTEN)
]
Status = Annotated[
    int,
    typer.Option(
        "--status",
        min=200,
        max=599,
        help="The response status; one that is not 2xx: nothing is accepted.",
        rich_help_panel=WRONG,
    ),
]
FailStatus = Annotated[
    int,
    typer.Option(
        "--fail-status", min=300, max=599, help="The status of failures.", rich_help_panel=WRONG
    ),
]
RetryAfter = Annotated[
    str,
    typer.Option("--retry-after", help="A Retry-After header for failures.", rich_help_panel=WRONG),
]


def sink(
    *,
    port: Port = 9000,
    host: Host = "127.0.0.1",
    secret: Secrets = None,
    file: StoreFile = None,
    max_body: MaxBody = DEFAULT_MAX_BODY,
    any_body: AnyBody = False,
    quiet: Quiet = False,
    seed: Seed = 0,
    delay: Annotated[str, _time("--delay", "How long a response takes, such as 50ms.")] = "",
    jitter: Annotated[str, _time("--jitter", "By how much the delay varies, up and down.")] = "",
    stall_every: Annotated[
        str, _time("--stall-every", "At this interval, stop answering ...")
    ] = "",
    stall_for: Annotated[str, _time("--stall-for", "... for this long.")] = "",
    status: Status = 200,
    fail_rate: Annotated[
        float, _rate("--fail-rate", "Part of the requests that fail.", WRONG)
    ] = 0.0,
    fail_status: FailStatus = 503,
    retry_after: RetryAfter = "",
    fail_late: Annotated[
        float, _rate("--fail-late", "Part of the requests that are processed, but fail.", WRONG)
    ] = 0.0,
    lose_after_accept: Annotated[
        float,
        _rate(
            "--lose-after-accept", "Part of the requests that are accepted, but forgotten.", WRONG
        ),
    ] = 0.0,
    no_verify: Annotated[bool, _flag("--no-verify", "Do not verify signatures.")] = False,
    no_dedup: Annotated[bool, _flag("--no-dedup", "Process duplicates again.")] = False,
    no_order: Annotated[bool, _flag("--no-order", "Apply older events over newer ones.")] = False,
    racy: Annotated[
        bool, _flag("--racy", "Check for duplicates before --delay, and record the id after it.")
    ] = False,
    fragile: Annotated[bool, _flag("--fragile", "Answer unreadable requests with 500.")] = False,
    hang: Annotated[
        float, _rate("--hang", "Part of the requests that are never answered.", HOSTILE)
    ] = 0.0,
    reset: Annotated[
        float, _rate("--reset", "Part of the requests whose connection is reset.", HOSTILE)
    ] = 0.0,
    slow_body: Annotated[
        float,
        _rate("--slow-body", "Part of the requests that are answered one byte at a time.", HOSTILE),
    ] = 0.0,
    close: Annotated[
        bool, _flag("--close", "Close each connection after its response.", HOSTILE)
    ] = False,
) -> None:
    """Run a webhook consumer that shows the requests it gets.

    By default it behaves correctly. It verifies signatures (Standard Webhooks, Svix, GitHub,
    Stripe, Outpost, Convoy), refuses forged or unreadable requests with 4xx, processes each
    webhook-id once, never applies an older event over a newer one, and answers 2xx only after
    processing. GET /processed lists the processed events, for the load test's --processed; GET
    /requests shows the last requests; DELETE /processed clears the list. It prints a line for each
    request on a terminal, and a line of JSON in a pipe.

    Examples:
    portcall sink
    portcall sink --port 9000 --secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw --file processed.jsonl
    portcall sink --any-body
    portcall sink --delay 50ms --jitter 20ms --stall-every 30s --stall-for 2s
    portcall sink --no-dedup --no-order --no-verify
    portcall sink --fail-rate 0.1 --hang 0.01 --reset 0.01 --quiet
    portcall loadtest --uri http://127.0.0.1:9000/hook --processed http://127.0.0.1:9000/processed
    """
    behaviour = Behaviour(
        delay_s=_seconds(delay, "--delay"),
        jitter_s=_seconds(jitter, "--jitter"),
        status=status,
        fail_rate=fail_rate,
        fail_status=fail_status,
        fail_late_rate=fail_late,
        lose_rate=lose_after_accept,
        hang_rate=hang,
        reset_rate=reset,
        slow_body_rate=slow_body,
        stall_every_s=_seconds(stall_every, "--stall-every"),
        stall_for_s=_seconds(stall_for, "--stall-for"),
        retry_after=retry_after,
        close=close,
        fragile=fragile,
        racy=racy,
    )
    _check(behaviour)
    trust = SinkKeys.of([] if no_verify else secret or [])
    memory = Memory(file, dedup=not no_dedup, ordered=not no_order)
    tty = sys.stdout.isatty()
    shower = Shower(sys.stdout, as_json=not tty, colour=tty and not os.environ.get("NO_COLOR"))
    served = Sink(
        trust=trust, memory=memory, behaviour=behaviour, seed=seed, max_body=max_body,
        takes_any=any_body,
        **({} if quiet else {"tell": shower}),
    )  # fmt: skip

    def ready(url: str) -> None:
        believes = "verifies signatures" if trust else "verifies nothing (--secret)"
        note(f"Listening on {url}; it {believes}. GET {url}/processed. Press Ctrl-C to stop.")

    uvloop.run(serve(served, memory, host=host, port=port, ready=ready))
    told = ", ".join(f"{count} {word}" for word, count in served.counts.most_common())
    note(f"{served.counts.total()} requests: {told}" if told else "No requests arrived.")


def _seconds(text: str, option: str) -> float:
    return parse_duration_ms(text, option) / 1000 if text else 0.0


def _check(behaviour: Behaviour) -> None:
    """Refuse options that make no sense together."""
    if bool(behaviour.stall_every_s) != bool(behaviour.stall_for_s):
        raise UsageError("--stall-every and --stall-for need each other: give both")
    if behaviour.stall_for_s > behaviour.stall_every_s:
        raise UsageError("--stall-for is longer than --stall-every")
    rates = (
        behaviour.fail_rate, behaviour.fail_late_rate, behaviour.lose_rate, behaviour.hang_rate,
        behaviour.reset_rate, behaviour.slow_body_rate,
    )  # fmt: skip
    if sum(rates) > 1:
        raise UsageError("the rates of the faults add up to more than 1")
