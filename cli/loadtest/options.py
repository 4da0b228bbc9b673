"""The load test's options of the consumer, the schedule, the judgement and the outputs."""

from typing import Annotated

import typer

from portcall.loadtest.outputs.files import NAMES
from portcall.loadtest.schedule.pacing import Form
from portcall.loadtest.schedule.times import Arrivals

TARGET, PACE, JUDGE, REPORT = "The consumer", "When", "Pass or fail", "Output"


Uri = Annotated[
    str,
    typer.Option(
        "--uri",
        help="Where to POST to, http or https. Your own consumer, at any address.",
        show_default=False,
        rich_help_panel=TARGET,
    ),
]
Through = Annotated[
    bool,
    typer.Option(
        "--through",
        help="Through the Portcall that runs here: published, routed, delivered, with a registry"
        " and a webhook of its own, deleted at the end. The report has every stage.",
        rich_help_panel=TARGET,
    ),
]
Headers = Annotated[
    list[str] | None,
    typer.Option(
        "--header",
        "-H",
        metavar="NAME=VALUE",
        help="A header of every request, also as 'Name: value'; may be repeated.",
        show_default=False,
        rich_help_panel=TARGET,
    ),
]
Timeout = Annotated[
    str,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        help="The bound on one request as a whole.",
        rich_help_panel=TARGET,
    ),
]
KeepAlive = Annotated[
    bool,
    typer.Option(
        "--keep-alive/--no-keep-alive",
        help="Whether a connection serves more than one request.",
        rich_help_panel=TARGET,
    ),
]
Http2 = Annotated[
    bool,
    typer.Option(
        "--http2",
        help="Over HTTP/2: by ALPN with https, by prior knowledge (h2c) with http.",
        rich_help_panel=TARGET,
    ),
]
Insecure = Annotated[
    bool,
    typer.Option(
        "--insecure", "-k", help="Believe any certificate of the consumer.", rich_help_panel=TARGET
    ),
]
CaFile = Annotated[
    str,
    typer.Option(
        "--ca-file",
        metavar="FILE",
        help="Authorities (PEM): the only ones whose certificates of the consumer are accepted.",
        show_default=False,
        rich_help_panel=TARGET,
    ),
]
ClientCert = Annotated[
    str,
    typer.Option(
        "--client-cert",
        metavar="FILE",
        help="A client certificate (PEM, with its chain, and perhaps its key) for a consumer that"
        " asks for one.",
        show_default=False,
        rich_help_panel=TARGET,
    ),
]
ClientKey = Annotated[
    str,
    typer.Option(
        "--client-key",
        metavar="FILE",
        help="Its private key (PEM, without a passphrase), where the certificate's file has none.",
        show_default=False,
        rich_help_panel=TARGET,
    ),
]
Rate = Annotated[
    float,
    typer.Option(
        "--rate", min=0, help="Requests a second, at the beginning.", rich_help_panel=PACE
    ),
]
Duration = Annotated[
    str,
    typer.Option(
        "--duration",
        "-d",
        metavar="DURATION",
        help="How long requests are sent.",
        rich_help_panel=PACE,
    ),
]
Shape = Annotated[Form, typer.Option("--shape", help="How the rate goes on.", rich_help_panel=PACE)]
Peak = Annotated[
    float | None,
    typer.Option(
        "--peak",
        min=0,
        help="The other rate of a ramp, step, spike or sine; five times --rate, unless told.",
        show_default=False,
        rich_help_panel=PACE,
    ),
]
Steps = Annotated[
    int, typer.Option("--steps", min=2, help="Of the shape step.", rich_help_panel=PACE)
]
SpikeAt = Annotated[
    str,
    typer.Option(
        "--spike-at",
        metavar="DURATION",
        help="When a spike begins; after two fifths, unless told.",
        show_default=False,
        rich_help_panel=PACE,
    ),
]
SpikeFor = Annotated[
    str,
    typer.Option(
        "--spike-for",
        metavar="DURATION",
        help="How long it lasts; a fifth, unless told.",
        show_default=False,
        rich_help_panel=PACE,
    ),
]
Period = Annotated[
    str,
    typer.Option(
        "--period",
        metavar="DURATION",
        help="Of a sine; the whole duration, unless told.",
        show_default=False,
        rich_help_panel=PACE,
    ),
]
Stages = Annotated[
    str,
    typer.Option(
        "--stages",
        metavar="DURATION:RATE,...",
        help="As k6's: from --rate, within each duration to each rate, as 30s:100,1m:500.",
        show_default=False,
        rich_help_panel=PACE,
    ),
]
ArrivalsOption = Annotated[
    Arrivals,
    typer.Option(
        "--arrivals",
        help="Evenly, or as many independent senders would: Poisson.",
        rich_help_panel=PACE,
    ),
]
Trace = Annotated[
    str,
    typer.Option(
        "--trace",
        metavar="FILE",
        help="Replay the times of a recording: JSON lines with timestamp, at or time, plain"
        " numbers, or what list-events prints.",
        show_default=False,
        rich_help_panel=PACE,
    ),
]
Speed = Annotated[
    float,
    typer.Option("--speed", help="Replay it so many times as fast.", rich_help_panel=PACE),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        help="The same seed makes the same run; random, unless told.",
        show_default=False,
        rich_help_panel=PACE,
    ),
]
Thresholds = Annotated[
    list[str] | None,
    typer.Option(
        "--threshold",
        "-t",
        metavar="BOUND",
        help="As in k6: 'p(99)<500', 'http_req_failed: rate<0.01', 'dropped==0'; may be repeated."
        " Exit code 99 when one is crossed.",
        show_default=False,
        rich_help_panel=JUDGE,
    ),
]
Abort = Annotated[
    bool,
    typer.Option("--abort-on-fail", help="End the run when one is crossed.", rich_help_panel=JUDGE),
]
FindMax = Annotated[
    str,
    typer.Option(
        "--find-max",
        metavar="BOUNDS",
        help="Look for the highest rate that keeps to them, from --rate on, --duration each: as"
        " 'p(99)<500,rate<0.001'.",
        show_default=False,
        rich_help_panel=JUDGE,
    ),
]
Pause = Annotated[
    str,
    typer.Option(
        "--pause",
        metavar="DURATION",
        help="With --find-max, how long the consumer rests between two rates.",
        rich_help_panel=JUDGE,
    ),
]
MaxInFlight = Annotated[
    int,
    typer.Option(
        "--max-in-flight",
        min=1,
        max=60_000,
        help="Requests under way at most; what is due beyond is not sent, counted, and fails the"
        " run.",
        rich_help_panel=JUDGE,
    ),
]
MaxLag = Annotated[
    str,
    typer.Option(
        "--max-lag",
        metavar="DURATION",
        help="The run fails when more than 1% of the requests were sent later than that.",
        rich_help_panel=JUDGE,
    ),
]
Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FORMAT=FILE",
        help=f"A report, - for standard output; may be repeated. Formats: {', '.join(NAMES)}.",
        show_default=False,
        rich_help_panel=REPORT,
    ),
]
Dashboard = Annotated[
    str | None,
    typer.Option(
        "--dashboard",
        metavar="[HOST:PORT]",
        help="A page that shows the run while it goes on, and turns the rate; at 127.0.0.1:5665,"
        " unless told. Port 0: any free one.",
        show_default=False,
        rich_help_panel=REPORT,
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing meanwhile.", rich_help_panel=REPORT)
]
