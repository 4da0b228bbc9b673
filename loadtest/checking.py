"""Checks of a run's consumer: the oracle, faults, senders, a crash in the middle, a grade."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from msgspec import Struct

from portcall.loadtest.conformance.conduct import conduct
from portcall.loadtest.conformance.judging import conformance_section
from portcall.loadtest.judge.accepting import accepting_section
from portcall.loadtest.judge.asking import SETTLE_S, until_settled
from portcall.loadtest.judge.oracle import UNASKED, Judgement, judge
from portcall.loadtest.judge.questions import oracle_section
from portcall.loadtest.judge.rightness import faults_section, retries_section
from portcall.loadtest.measure.endings import UNCHECKED
from portcall.loadtest.measure.sections import Finding, Section
from portcall.loadtest.plan import NotSent, Observer, Outcome, Planned
from portcall.loadtest.run import interruptible
from portcall.loadtest.send.poster import Poster
from portcall.loadtest.send.senders import Patience, senders_section
from portcall.loadtest.send.sources import Deliveries, Workload
from portcall.schemas.errors import PortcallError

Asked = TypeVar("Asked")
Posters = Callable[[], AbstractAsyncContextManager[Poster]]
KILL_TIMEOUT_S = 60.0


class Checking(Struct, frozen=True):
    """What to check besides the times.

    Attributes:
        processed: Where the consumer reports what it processed; empty: nowhere.
        settle_s: How long it may take to process accepted requests.
        kill_cmd: A command to run in the middle, e.g. one that kills the consumer and starts
            it again; empty: none.
        kill_at_s: When, seconds of the run.
        conformance: Whether to grade the consumer after the run.
    """

    processed: str = ""
    settle_s: float = SETTLE_S
    kill_cmd: str = ""
    kill_at_s: float = 0.0
    conformance: bool = False


class Killer:
    """Runs a command at a certain time of the run; an `Observer`.

    Args:
        command: The shell command, as typed.
        at_s: When, seconds of the run.
    """

    def __init__(self, command: str, at_s: float) -> None:
        self._command = command
        self._at_s = at_s
        self._task: asyncio.Task[int] | None = None

    def sent(self, planned: Planned) -> None:
        """Check the run's time."""
        if self._task is None and planned.at_s >= self._at_s:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def done(self, outcome: Outcome) -> None:
        """Do nothing: the times of sending are enough."""

    def left_out(self, not_sent: NotSent) -> None:
        """Do nothing."""

    async def section(self) -> Section:
        """Return the result of the command, when it has ended."""
        told = f"`{self._command}` at {self._at_s:g} s"
        ended = None if self._task is None else await self._task
        how = ": the run ended before that" if ended is None else f" ended with {ended}"
        detail = f"{told}{how}"
        finding = Finding(
            "crash",
            ok=ended == 0,
            detail=detail,
            code=UNCHECKED,
            brief=f"the crash in the middle did not happen: {detail}",
            advice="Make --kill-cmd a command that ends with 0, at a time within the run.",
        )
        return Section("A crash in the middle", findings=(finding,))

    async def _run(self) -> int:
        process = await asyncio.create_subprocess_shell(
            self._command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(KILL_TIMEOUT_S):
                return await process.wait()
        except TimeoutError:
            process.kill()
            return await process.wait()


class Inspector:
    """Watches one run and judges it afterwards.

    Args:
        checking: What to check.
        deliveries: The sent deliveries.
        traffic: How they are written and signed.
        seed: Seeds every random choice.
    """

    def __init__(
        self, checking: Checking, deliveries: Deliveries, traffic: Workload, *, seed: int
    ) -> None:
        self._checking = checking
        self._deliveries = deliveries
        self._traffic = traffic
        self._seed = seed
        self._patience = Patience()
        self._killer: Killer | None = None
        if checking.kill_cmd:
            self._killer = Killer(checking.kill_cmd, checking.kill_at_s)

    @property
    def observers(self) -> list[Observer]:
        """Return the observers of each request."""
        killer: list[Observer] = [self._killer] if self._killer else []
        return [self._deliveries.ledger, self._patience, *killer]

    async def sections(
        self, elapsed_s: float, posters: Posters, names: Mapping[str, str] | None = None
    ) -> tuple[Section, ...]:
        """Judge the run; ask and grade the consumer now.

        Args:
            elapsed_s: How long the run took.
            posters: Makes what posts the conformance run.
            names: The consumer's ids of deliveries, with our ids; None:
                the same.
        """
        ledger = self._deliveries.ledger
        found = [accepting_section(ledger, self._traffic.policy.final)]
        found += [await self._killer.section()] if self._killer else []
        verdict = UNASKED
        try:
            verdict = await _unless_stopped(self._verdict(names))
        except PortcallError as error:
            found.append(_unchecked("the consumer was asked", error))
        if verdict.asked:
            found.append(oracle_section(ledger, verdict, elapsed_s))
        if self._traffic.faults:
            found.append(faults_section(ledger, verdict, elapsed_s))
        found += [retries_section(self._deliveries, elapsed_s), senders_section(self._patience)]
        if self._checking.conformance:
            found.append(await self._graded(posters))
        return tuple(found)

    async def _graded(self, posters: Posters) -> Section:
        processed = self._checking.processed
        try:
            async with posters() as poster:
                seen = await _unless_stopped(
                    conduct(poster, self._traffic, processed=processed, seed=self._seed + 1)
                )
        except PortcallError as error:
            return _unchecked("the consumer was graded", error)
        return conformance_section(seen)

    async def _verdict(self, names: Mapping[str, str] | None) -> Judgement:
        if not self._checking.processed:
            return UNASKED
        entries = self._deliveries.ledger.sent_entries
        processed = await until_settled(
            self._checking.processed, entries, settle_s=self._checking.settle_s, names=names
        )
        return judge(entries, processed)


class StoppedError(PortcallError):
    """Ctrl-C was pressed while the consumer was asked; the report goes without its answer."""


async def _unless_stopped(asking: Coroutine[None, None, Asked]) -> Asked:
    """Return the result of *asking*.

    Raises:
        StoppedError: Ctrl-C was pressed meanwhile.
    """
    task = asyncio.ensure_future(asking)
    with interruptible(task.cancel):
        await asyncio.wait({task})
    if task.cancelled():
        raise StoppedError("Ctrl-C stopped this check before it had a result")
    return task.result()


def _unchecked(name: str, error: PortcallError) -> Section:
    """Return the finding for a check without a result."""
    finding = Finding(
        name,
        ok=False,
        detail=str(error),
        code=UNCHECKED,
        brief=f"a requested check has no result: {error}",
        advice="Make the consumer answer that question, then run the same again.",
    )
    return Section("Checks", findings=(finding,))
