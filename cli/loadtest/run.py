"""Carry out a load test: one run, or as many as the search for the highest rate needs."""

from collections.abc import Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from portcall.cli.errors import UsageError
from portcall.cli.loadtest.board import both, shown, watched
from portcall.cli.loadtest.summary import show_result
from portcall.cli.loadtest.through import passage
from portcall.cli.loadtest.view import View
from portcall.loadtest.checking import Checking, Inspector
from portcall.loadtest.dashboard.address import Address
from portcall.loadtest.dashboard.board import Board
from portcall.loadtest.dashboard.state import Phase
from portcall.loadtest.http2.poster import Http2Poster
from portcall.loadtest.judge.thresholds import Threshold
from portcall.loadtest.outputs.files import OutputFile
from portcall.loadtest.pipeline.journeys import Published
from portcall.loadtest.report.result import About, Result, machine, now_iso
from portcall.loadtest.run import Limits, RunEnd, run
from portcall.loadtest.saturation import Search, search
from portcall.loadtest.schedule.dial import Dial
from portcall.loadtest.schedule.pacing import Paced
from portcall.loadtest.send.picked import Picked, picked
from portcall.loadtest.send.poster import Poster
from portcall.loadtest.send.sources import Deliveries, Workload
from portcall.loadtest.send.target import ConsumerTarget
from portcall.schemas.trust import NO_TRUST, Trust


class Through(Struct, frozen=True):
    """The path through a running Portcall.

    Attributes:
        uri: The consumer.
        headers: Custom headers of the webhook.
        secret: The signing secret.
        schedule: The retry schedule; empty: no retries; None: the installation's.
        trust: The certificates to accept from the consumer, and to present to it.
        final_answers: Which answers refuse a delivery for good; None: none.
    """

    uri: str
    headers: dict[str, str]
    secret: str
    schedule: str | None
    trust: Trust = NO_TRUST
    final_answers: str | None = None


class Order(Struct, frozen=True):
    """A complete load test.

    Attributes:
        target: The consumer.
        through: The path through the pipeline; None: directly.
        paced: When requests are sent.
        traffic: The requests' content.
        checking: What to check besides the times.
        limits: The limits of the runs.
        thresholds: The bounds that the consumer must meet.
        outputs: The reports to write.
        find_max: The bounds for the highest rate; empty: no search.
        pause_s: The pause between two rates of the search.
        seed: Seeds every random choice.
        began_us: The time of the first event, microseconds since the epoch.
        command: The command line.
        quiet: Print nothing while it runs.
        place: The dashboard's address; None: no dashboard.
        only: The ids of the deliveries to send; empty: all.
        report_only: Whether checks are only reported.
        again: The command that makes the same events.
        probe: The command for a short run with the same consumer.
    """

    target: ConsumerTarget
    through: Through | None
    paced: Paced
    traffic: Workload
    checking: Checking
    limits: Limits
    thresholds: Sequence[Threshold]
    outputs: Sequence[OutputFile]
    find_max: Sequence[Threshold]
    pause_s: float
    seed: int
    began_us: int
    command: str
    quiet: bool
    place: Address | None = None
    only: frozenset[str] = frozenset()
    report_only: bool = False
    again: str = ""
    probe: str = ""


class Sending(Struct, frozen=True):
    """What one run sends.

    Attributes:
        paced: When.
        source: The requests.
        deliveries: What the requests belong to.
    """

    paced: Paced
    source: Deliveries | Picked
    deliveries: Deliveries


async def carry_out(order: Order) -> int:
    """Run it, show it, write the reports; return the exit code.

    Raises:
        UsageError: An output cannot be written.
        InvalidValueError: The dashboard's address cannot be used; or HTTP/2 was requested,
            and the consumer does not offer it.
    """
    if order.limits.http2:
        async with _http2(order) as poster:
            await poster.probe()
    async with shown(order.place) as board:
        if order.through is not None:
            result = await _through(order, order.through, board)
        else:
            result = await (_search(order, board) if order.find_max else _once(order, board))
        board.end(result)
    show_result(result, aside=any(output.path == "-" for output in order.outputs))
    for output in order.outputs:
        try:
            output.write(result)
        except OSError as error:
            raise UsageError(f"--output: {output.path}: {error.strerror}") from error
    return result.exit_code


async def _once(order: Order, board: Board) -> Result:
    began, dial = now_iso(), Dial()
    sending = _sending(order, dial)
    paced, deliveries = sending.paced, sending.deliveries
    inspector = Inspector(order.checking, deliveries, order.traffic, seed=order.seed)
    _begin(board, order, paced, dial)
    with View(paced, quiet=order.quiet, dial=dial) as view:
        ended = await run(
            order.target,
            sending.source,
            limits=order.limits,
            thresholds=order.thresholds,
            observers=inspector.observers,
            tick=both(view, board),
        )
    board.rest(ended, Phase.CHECKING)
    sections = await inspector.sections(ended.elapsed_s, partial(_poster, order))
    about = _about(order, paced.turned(dial), began)
    return Result.of(about, ended, order.thresholds, sections, report_only=order.report_only)


async def _through(order: Order, way: Through, board: Board) -> Result:
    began, dial = now_iso(), Dial()
    sending = _sending(order, dial)
    paced, deliveries = sending.paced, sending.deliveries
    inspector = Inspector(order.checking, deliveries, order.traffic, seed=order.seed)
    async with passage(
        way.uri,
        way.headers,
        secret=way.secret,
        actions=list(order.traffic.mix.actions),
        schedule=way.schedule,
        trust=way.trust,
        final_answers=way.final_answers,
    ) as made:
        _begin(board, order, paced, dial)
        with View(paced, quiet=order.quiet, dial=dial) as view:
            ended = await run(
                made.producer,
                Published(sending.source),
                limits=order.limits,
                thresholds=order.thresholds,
                observers=inspector.observers,
                tick=both(view, board),
                relay=made.pipeline,
            )
        board.rest(ended, Phase.CHECKING)
        deliveries.given_up = made.pipeline.given_up
        names = made.pipeline.names(deliveries.ledger.entries)
        checked = await inspector.sections(ended.elapsed_s, partial(_poster, order), names)
    about = replace(_about(order, paced.turned(dial), began), path="pipeline")
    sections = [made.pipeline.section(), *checked]
    return Result.of(about, ended, order.thresholds, sections, report_only=order.report_only)


async def _search(order: Order, board: Board) -> Result:
    began = now_iso()

    async def attempt(rate: float) -> tuple[Paced, RunEnd]:
        paced = order.paced.at_rate(rate)
        _begin(board, order, paced)
        with View(paced, quiet=order.quiet) as view:
            ended = await run(
                order.target,
                _deliveries(order, paced),
                limits=order.limits,
                tick=both(view, board),
            )
        board.rest(ended, Phase.PAUSING)
        return paced, ended

    found: Search = await search(
        attempt,
        order.find_max,
        first=order.paced.pace.rate,
        pause_s=order.pause_s,
        told=lambda trial: board.tried(trial.row),
    )
    _begin(board, order, found.paced)  # the result is the best of them, not the last
    thresholds = [*order.find_max, *order.thresholds]
    about = _about(order, found.paced, began)
    result = Result.of(about, found.ended, thresholds, (found.section(),))
    return replace(result, interrupted=found.interrupted)


def _begin(board: Board, order: Order, paced: Paced, dial: Dial | None = None) -> None:
    thresholds = [*order.find_max, *order.thresholds]
    board.begin(watched(order.target.uri, paced, thresholds, dial))


def _http2(order: Order) -> Http2Poster:
    limits = order.limits
    return Http2Poster(
        order.target, timeout_s=limits.timeout_s, verify=limits.verify, trust=limits.trust
    )


def _poster(order: Order) -> Poster:
    limits = order.limits
    return Poster(
        order.target, timeout_s=limits.timeout_s, verify=limits.verify, trust=limits.trust
    )


def _deliveries(order: Order, paced: Paced, dial: Dial | None = None) -> Deliveries:
    return Deliveries(paced.times(dial), order.traffic, seed=order.seed, began_us=order.began_us)


def _sending(order: Order, dial: Dial) -> Sending:
    """Return what to send: everything, or a few deliveries of it.

    Raises:
        InvalidValueError: A delivery of `Order.only` is not one of this run.
    """
    if not order.only:
        deliveries = _deliveries(order, order.paced, dial)
        return Sending(order.paced, deliveries, deliveries)
    some = picked(
        lambda began_us: _deliveries(replace(order, began_us=began_us), order.paced),
        order.only,
        order.began_us,
    )
    paced = order.paced.only(len(some), some.ended_s - some.began_s)
    return Sending(paced, some, some.deliveries)


def _about(order: Order, paced: Paced, began: str) -> About:
    return About(
        uri=order.target.uri,
        plan=paced.words,
        began=began,
        duration_s=paced.duration_s,
        rates=paced.rates,
        seed=order.seed,
        command=order.command,
        machine=machine(),
        again=order.again,
        probe=order.probe,
    )
