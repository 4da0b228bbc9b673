"""The load test's options for the consumer, the schedule, the thresholds and the outputs."""

from typing import Annotated

import typer

from portcall.loadtest.outputs.files import NAMES
from portcall.loadtest.schedule.pacing import ScheduleForm
from portcall.loadtest.schedule.times import Arrivals

TARGET, PACE, JUDGE, REPORT = "The consumer", "When", "Pass or fail", "Output"


Uri = Annotated[
    str,
    typer.Option(
        "--uri",
        help="The URL of your own consumer, http or https, at any address.",
        show_default=False,
        rich_help_panel=TARGET,
    ),
]
Through = Annotated[
    bool,
    typer.Option(
        "--through",
        help="Send through the Portcall that runs here: events are published, routed and"
        " delivered. A temporary registry and webhook are created, and deleted at the end."
        " The report shows every stage.",
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
        help="The time limit of one request as a whole.",
        rich_help_panel=TARGET,
    ),
]
KeepAlive = Annotated[
    bool,
    typer.Option(
        "--keep-alive/--no-keep-alive",
        help="Whether to use a connection for more than one request.",
        rich_help_panel=TARGET,
    ),
]
Http2 = Annotated[
    bool,
    typer.Option(
        "--http2",
        help="Use HTTP/2: by ALPN with https, by prior knowledge (h2c) with http.",
        rich_help_panel=TARGET,
    ),
]
Insecure = Annotated[
    bool,
    typer.Option(
        "--insecure", "-k", help="Accept any certificate of the consumer.", rich_help_panel=TARGET
    ),
]
CaFile = Annotated[
    str,
    typer.Option(
        "--ca-file",
        metavar="FILE",
        help="CA certificates (PEM) for the consumer's certificate; no others are trusted.",
        show_default=False,
        rich_help_panel=TARGET,
    ),
]
ClientCert = Annotated[
    str,
    typer.Option(
        "--client-cert",
        metavar="FILE",
        help="A client certificate (PEM, with its chain, and optionally its key) for a"
        " consumer that requires one.",
        show_default=False,
        rich_help_panel=TARGET,
    ),
]
ClientKey = Annotated[
    str,
    typer.Option(
        "--client-key",
        metavar="FILE",
        help=(
            "Its private key (PEM, without a passphrase), if the certificate's file does not"
            " contain it."
        ),
        show_default=False,
        rich_help_panel=TARGET,
    ),
]
Rate = Annotated[
    float,
    typer.Option(
        "--rate", min=0, help="Requests per second, at the beginning.", rich_help_panel=PACE
    ),
]
Duration = Annotated[
    str,
    typer.Option(
        "--duration",
        "-d",
        metavar="DURATION",
        help="How long to send requests.",
        rich_help_panel=PACE,
    ),
]
Shape = Annotated[
    ScheduleForm, typer.Option("--shape", help="How the rate changes.", rich_help_panel=PACE)
]
Peak = Annotated[
    float | None,
    typer.Option(
        "--peak",
        min=0,
        help="The other rate of a ramp, step, spike or sine; by default five times --rate.",
        show_default=False,
        rich_help_panel=PACE,
    ),
]
Steps = Annotated[
    int,
    typer.Option(
        "--steps", min=2, help="The number of steps of the shape step.", rich_help_panel=PACE
    ),
]
SpikeAt = Annotated[
    str,
    typer.Option(
        "--spike-at",
        metavar="DURATION",
        help="When the spike begins; by default after two fifths of the duration.",
        show_default=False,
        rich_help_panel=PACE,
    ),
]
SpikeFor = Annotated[
    str,
    typer.Option(
        "--spike-for",
        metavar="DURATION",
        help="How long the spike lasts; by default a fifth of the duration.",
        show_default=False,
        rich_help_panel=PACE,
    ),
]
Period = Annotated[
    str,
    typer.Option(
        "--period",
        metavar="DURATION",
        help="The period of the sine; by default the whole duration.",
        show_default=False,
        rich_help_panel=PACE,
    ),
]
Stages = Annotated[
    str,
    typer.Option(
        "--stages",
        metavar="DURATION:RATE,...",
        help=("As in k6: from --rate, within each duration to each rate, such as 30s:100,1m:500."),
        show_default=False,
        rich_help_panel=PACE,
    ),
]
ArrivalsOption = Annotated[
    Arrivals,
    typer.Option(
        "--arrivals",
        help="The spacing of requests: even, or as from many independent senders (Poisson).",
        rich_help_panel=PACE,
    ),
]
Trace = Annotated[
    str,
    typer.Option(
        "--trace",
        metavar="FILE",
        help="Replay the times of a recording: JSON lines with timestamp, at or time, plain"
        " numbers, or the output of list-events.",
        show_default=False,
        rich_help_panel=PACE,
    ),
]
Speed = Annotated[
    float,
    typer.Option("--speed", help="Replay it at this multiple of its speed.", rich_help_panel=PACE),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        help="The same seed gives the same run; random by default.",
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
        help="As in k6: 'p(99)<500', 'http_req_failed: rate<0.01', 'dropped==0'; may be"
        " repeated. The exit code is 99 when one is crossed.",
        show_default=False,
        rich_help_panel=JUDGE,
    ),
]
Abort = Annotated[
    bool,
    typer.Option(
        "--abort-on-fail", help="End the run when a threshold is crossed.", rich_help_panel=JUDGE
    ),
]
FindMax = Annotated[
    str,
    typer.Option(
        "--find-max",
        metavar="BOUNDS",
        help="Find the highest rate that meets these bounds, such as 'p(99)<500,rate<0.001'."
        " Starts at --rate; each tried rate takes --duration.",
        show_default=False,
        rich_help_panel=JUDGE,
    ),
]
Pause = Annotated[
    str,
    typer.Option(
        "--pause",
        metavar="DURATION",
        help="With --find-max, the pause for the consumer between two rates.",
        rich_help_panel=JUDGE,
    ),
]
MaxInFlight = Annotated[
    int,
    typer.Option(
        "--max-in-flight",
        min=1,
        max=60_000,
        help="Requests in flight at most. Requests that are due beyond the limit are not sent,"
        " but are reported, and the run does not count.",
        rich_help_panel=JUDGE,
    ),
]
MaxLag = Annotated[
    str,
    typer.Option(
        "--max-lag",
        metavar="DURATION",
        help="The run does not count if more than 1% of the requests were sent later than this.",
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
        help="Serve a page that shows the run live and can change its rate; by default at"
        " 127.0.0.1:5665. Port 0: any free port.",
        show_default=False,
        rich_help_panel=REPORT,
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print nothing while it runs.", rich_help_panel=REPORT)
]
