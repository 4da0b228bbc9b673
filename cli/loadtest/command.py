"""`portcall loadtest`: how much load can a consumer take, and does it behave correctly?"""

import math
import random
import sys
import time
from pathlib import Path

import typer
import uvloop

from portcall.cli.errors import UsageError
from portcall.cli.loadtest import fault_options, options
from portcall.cli.loadtest.again import again, probe
from portcall.cli.loadtest.command_line import typed
from portcall.cli.loadtest.http2_rules import check_http2
from portcall.cli.loadtest.merge import merge_reports
from portcall.cli.loadtest.needs import check_labels, check_measurable, check_needs
from portcall.cli.loadtest.optional_values import Lenient
from portcall.cli.loadtest.orders import checking_of, mix_of, policy_of, traffic_of
from portcall.cli.loadtest.run import Order, Through, carry_out
from portcall.cli.loadtest.through_rules import check_through
from portcall.cli.options import headers as header_map
from portcall.cli.trust_files import trust_of
from portcall.loadtest.dashboard.address import Address
from portcall.loadtest.judge.thresholds import parse_threshold, parse_thresholds
from portcall.loadtest.outputs.files import parse_outputs
from portcall.loadtest.payloads.formats import find_format
from portcall.loadtest.run import Limits
from portcall.loadtest.saturation import with_failures
from portcall.loadtest.schedule.pacing import RequestPace, ScheduleForm, work_out
from portcall.loadtest.schedule.times import Arrivals
from portcall.loadtest.send.target import ConsumerTarget
from portcall.loadtest.signing import Style
from portcall.schemas.durations import parse_duration_ms

SLICES = 100
"""A run has about this many slices, each from a tenth of a second to a second long."""


app = typer.Typer(add_completion=False, cls=Lenient)
app.command("merge")(merge_reports)


@app.callback(invoke_without_command=True, subcommand_metavar="[merge FILE...]")
def loadtest(
    ctx: typer.Context,
    *,
    uri: options.Uri = "",
    through: options.Through = False,
    header: options.Headers = None,
    timeout: options.Timeout = "15s",
    keep_alive: options.KeepAlive = True,
    http2: options.Http2 = False,
    insecure: options.Insecure = False,
    ca_file: options.CaFile = "",
    client_cert: options.ClientCert = "",
    client_key: options.ClientKey = "",
    rate: options.Rate = 10.0,
    duration: options.Duration = "10s",
    shape: options.Shape = ScheduleForm.CONSTANT,
    peak: options.Peak = None,
    steps: options.Steps = 5,
    spike_at: options.SpikeAt = "",
    spike_for: options.SpikeFor = "",
    period: options.Period = "",
    stages: options.Stages = "",
    arrivals: options.ArrivalsOption = Arrivals.EVEN,
    trace: options.Trace = "",
    speed: options.Speed = 1.0,
    seed: options.Seed = None,
    payload: fault_options.Payload = "acr",
    action: fault_options.Actions = ["push"],  # noqa: B006 (typer reads it, and passes its own list)
    repositories: fault_options.Repositories = 100,
    zipf: fault_options.Zipf = 1.0,
    tags: fault_options.Tags = 5,
    size: fault_options.Size = 0,
    secret: fault_options.Secret = "",
    style: fault_options.SigningStyle = Style.STANDARD,
    fault: fault_options.Faults = None,
    copies: fault_options.Copies = 1,
    copies_after: fault_options.CopiesAfter = "",
    swap_within: fault_options.SwapWithin = "",
    retries: fault_options.Retries = "",
    final_answers: fault_options.FinalAnswers = "",
    compress: fault_options.Compression = 1.0,
    retry_jitter: fault_options.Jitter = True,
    outage: fault_options.Outages = "",
    processed: fault_options.Processed = "",
    settle: fault_options.Settle = "10s",
    kill_cmd: fault_options.KillCommand = "",
    kill_at: fault_options.KillAt = "",
    conformance: fault_options.Conformance = False,
    only: fault_options.Only = "",
    report_only: fault_options.ReportOnly = False,
    threshold: options.Thresholds = None,
    abort_on_fail: options.Abort = False,
    find_max: options.FindMax = "",
    pause: options.Pause = "2s",
    max_in_flight: options.MaxInFlight = 2000,
    max_lag: options.MaxLag = "25ms",
    output: options.Outputs = None,
    dashboard: options.Dashboard = None,
    quiet: options.Quiet = False,
) -> None:
    """Load-test a webhook consumer and check its behaviour.

    Requests are sent at their planned times, however long the responses take (an open model).
    Latency is counted from the planned time, so that it includes stalls of the consumer; the
    service time is shown beside it. Every request is a registry event as Portcall sends it, signed
    when it is sent. Fault injection and questions to the consumer check whether it behaves
    correctly.

    If you have no consumer, run `portcall sink` in another terminal and use the URI that it prints.

    The first line says how it ended: passed, failed, or no verdict, if the run does not count. Failed
    means: a threshold was crossed; or --fault, --processed or --conformance found an error (which
    --report-only turns off); or more than 1 of 100 valid deliveries were not answered 2xx (unless a
    threshold on http_req_failed says otherwise). Each finding has the command that sends an example
    of it again.

    Exit codes: 0 passed. Failed: 99 by a threshold (as in k6), also one on a metric without samples;
    95 by a check; 96 no request was answered. No verdict: 98 this program, or the pipeline, was the
    bottleneck; 97 --processed, --conformance or --kill-cmd had no result; 105 Ctrl-C. 2 is wrong
    usage.

    Examples:
    portcall loadtest --uri http://127.0.0.1:9000/hook
    portcall loadtest --uri URI --rate 100 --duration 1m -t 'p(99)<500' -t 'http_req_failed: rate<0.01'
    portcall loadtest --uri URI --rate 50 --shape spike --peak 1000 -o html=report.html -o json=report.json
    portcall loadtest --uri URI --rate 100 --duration 10m --dashboard
    portcall loadtest --uri URI --rate 100 --secret whsec_... --fault all --processed http://127.0.0.1:9000/processed
    portcall loadtest --uri URI --rate 100 --through -o html=stages.html
    portcall loadtest --uri URI --rate 100 --duration 5s --find-max 'p(99)<500,rate<0.001' -o html=knee.html
    """  # noqa: E501 (the examples are lines to type)
    if ctx.invoked_subcommand is not None:
        return
    if not uri:
        raise UsageError("--uri is missing: give the consumer's address")
    seed = random.getrandbits(32) if seed is None else seed
    duration_s = _seconds(duration, "--duration")
    paced = work_out(
        RequestPace(
            rate=rate,
            duration_s=duration_s,
            form=shape,
            peak=peak,
            steps=steps,
            begins_s=_seconds(spike_at, "--spike-at") if spike_at else None,
            lasts_s=_seconds(spike_for, "--spike-for") if spike_for else None,
            period_s=_seconds(period, "--period") if period else None,
            stages=stages,
            arrivals=arrivals,
            trace=Path(trace) if trace else None,
            speed=speed,
            seed=seed,
        )
    )
    written = find_format(payload)
    headers = header_map(header or [], "--header")
    mix = mix_of(action, written, repositories=repositories, zipf=zipf, tags=tags)
    policy = policy_of(
        retries, compression=compress, jitter=retry_jitter, final_answers=final_answers
    )
    defaults = {each.name or "": each.default for each in ctx.command.params}
    if through:
        check_through(ctx.params, defaults, faults=fault or [], actions=list(mix.actions))
    if http2:
        check_http2(faults=fault or [], keep_alive=keep_alive, conformance=conformance)
    check_needs(ctx.params, defaults)
    thresholds = [parse_threshold(text, abort=abort_on_fail) for text in threshold or []]
    bounds = with_failures(parse_thresholds(find_max, "--find-max")) if find_max else []
    check_measurable(thresholds, bounds, ctx.params)
    source = ctx.get_parameter_source("secret")
    typed_secret = source is not None and source.name == "COMMANDLINE"
    trust = trust_of(ca_file, client_cert, client_key)
    order = Order(
        target=ConsumerTarget.of(uri, headers),
        through=Through(
            uri,
            headers,
            secret,
            policy.written if retries.strip() else None,
            trust,
            policy.final_answers,
        )
        if through
        else None,
        paced=paced,
        traffic=traffic_of(
            mix,
            written,
            style=style,
            secret=secret,
            faults=fault or [],
            policy=policy,
            outage=outage,
            duration_s=paced.duration_s,
            copies=copies,
            copies_after=copies_after,
            swap_within=swap_within,
            size=size,
        ),
        checking=checking_of(
            processed=processed,
            settle=settle,
            kill_cmd=kill_cmd,
            kill_at=kill_at,
            conformance=conformance,
            duration_s=paced.duration_s,
        ),
        limits=Limits(
            timeout_s=_seconds(timeout, "--timeout"),
            max_in_flight=max_in_flight,
            # Of a few deliveries sent again only the reaction matters, not their times.
            max_lag_s=math.inf if only else _seconds(max_lag, "--max-lag"),
            keep_alive=keep_alive,
            verify=not insecure,
            trust=trust,
            http2=http2,
            slice_s=_slice_s(paced.duration_s),
        ),
        thresholds=thresholds,
        outputs=parse_outputs(output or []),
        find_max=bounds,
        pause_s=_seconds(pause, "--pause"),
        seed=seed,
        began_us=time.time_ns() // 1000,
        command=typed(sys.argv[1:]),
        again=again(ctx.command.params, ctx.params, seed=seed, typed_secret=typed_secret),
        probe=probe(ctx.command.params, ctx.params, typed_secret=typed_secret),
        only=frozenset(each.strip() for each in only.split(",") if each.strip()),
        report_only=report_only,
        place=None if dashboard is None else Address.parse(dashboard),
        quiet=quiet,
    )
    check_labels([*thresholds, *bounds], order.traffic)
    code = uvloop.run(carry_out(order))
    if code:
        raise typer.Exit(code)


def _seconds(text: str, field: str) -> float:
    return parse_duration_ms(text, field) / 1000


def _slice_s(duration_s: float) -> float:
    """Return the length of a slice: shorter runs get shorter slices, to show more."""
    fitting = (width_s for width_s in (0.1, 0.2, 0.5) if duration_s / width_s <= SLICES)
    return next(fitting, 1.0)
