"""Leadership: of several recorders one works, and the others wait to take its place.

======================================================  ==========================================
the lease                                               a recorder that does not lead
======================================================  ==========================================
has no owner: the last leader ended in order            takes it
has expired, although a standby had announced itself    takes it
its owner's process is gone from this machine           takes it
is another's, and no standby is known, or not for long  announces itself, and looks again in 1 s
is another's                                            looks again in 1 s
======================================================  ==========================================

The leader renews the lease when less than 4 s of it are left, but only while a standby is known.
When the lease is in another term, the leader stops its works and waits like the others.
"""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Protocol, TypeVar

from prometheus_client import Gauge

from portcall.recorder.identity import in_words
from portcall.recorder.watch import Overdue
from portcall.recorder.works import Works
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.runtime.pacing import Glance, unknown, until_tick
from portcall.store.errors import LeaseLostError, StoreUnavailableError
from portcall.store.records.lease import AWAITED_MS, NOBODY, LeaseState

LEADER = Gauge(
    "portcall_recorder_leader",
    "1 while this recorder leads, 0 while it stands by.",
    registry=REGISTRY,
)
LOOK_S, AT_LEAST_S = 1.0, 10.0
"""How often to look. While no standby waits, and SQLite's file shows cheaply that nothing was
committed, a leader looks only after the second time."""
RENEW_BELOW_MS = 4_000
RELEASE_S = 5.0
"""How long a recorder that ends may take to release the lease; without that, it expires."""

Result = TypeVar("Result")


class Lease(Protocol):
    """The store's lease. Its methods block."""

    def look(self) -> LeaseState:
        """Read it."""

    def await_turn(self, seen: LeaseState) -> None:
        """Announce a standby."""

    def take(self, seen: LeaseState, owner: str, *, is_dead: bool = False) -> int | None:
        """Lead from now on; the term, or None."""

    def renew(self, term: int) -> bool:
        """Extend it; False: another one leads."""

    def release(self, term: int) -> None:
        """Leave it to the next one."""


class Step(Enum):
    """The next step of a recorder that does not lead."""

    WAIT = auto()
    ANNOUNCE = auto()
    TAKE = auto()
    INHERIT = auto()
    """Take it from a dead process, before it expires."""


def decide(seen: LeaseState, *, is_dead: bool) -> Step:
    """The next step, by the table above."""
    if seen.is_free:
        return Step.TAKE
    if is_dead:
        return Step.INHERIT
    return Step.ANNOUNCE if seen.awaited_ms < AWAITED_MS // 2 else Step.WAIT


def must_renew(seen: LeaseState) -> bool:
    """Whether the leader has to renew its lease."""
    return seen.awaited_ms > 0 and seen.left_ms < RENEW_BELOW_MS


class Leadership:
    """Waits for the lease, works while it has it, and waits again when it was lost.

    Args:
        lease: The store's lease.
        owner: The name of this process.
        begin: Makes the works of a term.
        is_dead: Whether the process of that name certainly has ended.
        stamp: Of the store, for a `runtime.pacing.Glance`.
        pause: Waits for the next tick of so many seconds.
    """

    def __init__(
        self,
        lease: Lease,
        *,
        owner: str,
        begin: Callable[[int], Works],
        is_dead: Callable[[str], bool],
        stamp: Callable[[], int | None] = unknown,
        pause: Callable[[float], Awaitable[None]] = until_tick,
    ) -> None:
        self._lease = lease
        self._owner = owner
        self._begin = begin
        self._is_dead = is_dead
        self._stamp = stamp
        self._pause = pause
        self._seen: LeaseState | None = None
        self._works: Works | None = None
        self._failure: str | None = None
        self._overdue = Overdue()
        self._log = get_logger()

    @property
    def problem(self) -> str | None:
        """Why the lease cannot be read, or None."""
        return self._failure or self._overdue.problem

    def problem_of(self, check: str) -> str | None:
        """A description of a problem with a work of this term, or None; a standby has no works."""
        if self._works is not None:
            return self._works.checks[check]()
        return None if self._seen else "it is not known yet which recorder leads"

    @property
    def state(self) -> str | None:
        """Whether this recorder leads, in words; None: not known yet."""
        if self._seen is None:
            return None
        if self._works is not None:
            return f"this recorder leads, in term {self._seen.term}"
        return f"standby; {in_words(self._seen.owner) or 'no recorder'} leads"

    async def run(self) -> None:
        """Wait, work, wait again; ends only by cancellation or an error of the works."""
        while True:
            term = await self._turn()
            await self._serve(term)

    async def _turn(self) -> int:
        """Wait until this recorder leads; returns its term."""
        waits_for = ""
        while True:
            try:
                seen = self._seen = await self._ask(self._lease.look)
                if (term := await self._step(seen)) is not None:
                    return term
                if seen.owner not in (waits_for, NOBODY):
                    waits_for = seen.owner
                    self._log.info("lease.awaited", leader=in_words(seen.owner), term=seen.term)
            except StoreUnavailableError as error:
                self._log.warning("store.unavailable", reason=str(error))
            await self._pause(LOOK_S)

    async def _step(self, seen: LeaseState) -> int | None:
        # Its own name: the commit of a take-over had an unknown result.
        is_dead = seen.owner == self._owner or self._is_dead(seen.owner)
        step = decide(seen, is_dead=is_dead)
        if step is Step.ANNOUNCE:
            await self._ask(lambda: self._lease.await_turn(seen))
        if step not in (Step.TAKE, Step.INHERIT):
            return None
        inherits = step is Step.INHERIT
        term = await self._ask(lambda: self._lease.take(seen, self._owner, is_dead=inherits))
        if term is not None:
            self._log.info("lease.taken", term=term, before=in_words(seen.owner), died=inherits)
        return term

    async def _serve(self, term: int) -> None:
        """Work until the lease is lost, a work fails, or this is cancelled; then release it."""
        self._seen = LeaseState(self._owner, term, 0, 0)
        self._works = self._begin(term)
        LEADER.set(1)
        working = asyncio.create_task(self._works.run())
        keeping = asyncio.create_task(self._keep(term))
        try:
            await asyncio.wait({working, keeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (working, keeping):
                task.cancel()
            await asyncio.wait({working, keeping})
            LEADER.set(0)
            self._works = None
            await self._release(term)
        _tell_failure(working)
        _tell_failure(keeping)
        self._log.warning("lease.lost", term=term)

    async def _keep(self, term: int) -> None:
        """Watch the lease, and renew it while a standby waits; returns when it is lost."""
        glance = Glance(self._stamp, AT_LEAST_S)
        is_awaited = False
        while True:
            await self._pause(LOOK_S)
            if not (glance.is_due() or is_awaited):
                continue
            try:
                seen = await self._ask(self._lease.look)
                glance.done()
                is_awaited = seen.awaited_ms > 0
                if seen.term != term:
                    return
                if must_renew(seen) and not await self._ask(lambda: self._lease.renew(term)):
                    return
            except StoreUnavailableError as error:
                self._log.warning("store.unavailable", reason=str(error))

    async def _release(self, term: int) -> None:
        try:
            async with asyncio.timeout(RELEASE_S):
                await asyncio.to_thread(self._lease.release, term)
        except (StoreUnavailableError, TimeoutError) as error:
            self._log.warning("lease.kept", term=term, reason=str(error))

    async def _ask(self, call: Callable[[], Result]) -> Result:
        """Call the store in a thread, and remember whether it answered."""
        self._overdue.begin()
        try:
            result = await asyncio.to_thread(call)
        except StoreUnavailableError as error:
            self._failure = str(error)
            raise
        finally:
            self._overdue.end()
        self._failure = None
        return result


def _tell_failure(task: asyncio.Task[None]) -> None:
    """Raise the error of an ended task, but for the loss of the lease."""
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, LeaseLostError):
        raise error
