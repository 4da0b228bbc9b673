"""Keeping processes alive: each is started again when it dies, and all are stopped in order."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from portcall.cli.errors import USAGE, NodeError, UpError
from portcall.runtime.logs import get_logger

QUICK_DEATH_S = 5.0
MAX_RESTART_DELAY_S = 2.0
"""With a role's own start (1 s) this keeps the promise that a role is back within 5 s."""
POLL_S = 0.1


class Service(Protocol):
    """A process that is to be kept running."""

    @property
    def name(self) -> str:
        """Its own name, e.g. ``router-2``."""

    @property
    def role(self) -> str:
        """What it is, e.g. ``router``."""

    @property
    def pid(self) -> int | None:
        """Its process, while that runs."""

    async def launch(self) -> None:
        """Start the process; it need not be ready at the return."""

    async def wait(self) -> int:
        """Wait for its end, and give the exit code."""

    async def problem(self) -> str | None:
        """Why it is not ready, or None."""

    def terminate(self) -> None:
        """Ask it to end (SIGTERM)."""

    def kill(self) -> None:
        """End it (SIGKILL)."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of stopping.

    Attributes:
        roles: Who is asked to end in this step.
        patience_s: How long the next step waits for them; they may go on ending after that.
    """

    roles: Collection[str]
    patience_s: float


def restart_delay_s(quick_deaths: int) -> float:
    """How long to wait with a restart: not at all, unless it died soon after a start before.

    Args:
        quick_deaths: How many of its lives in a row were shorter than `QUICK_DEATH_S`.
    """
    return min(MAX_RESTART_DELAY_S, 0.25 * 2 ** (quick_deaths - 2)) if quick_deaths > 1 else 0.0


class Supervisor:
    """Starts services that do not run yet, and starts again those that end.

    Args:
        services: Who is kept running, in the order of starting.
        on_change: Told after each start, because pids have changed.
        sleep: Waits for so many seconds.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        services: Sequence[Service],
        *,
        on_change: Callable[[], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.services = services
        self._on_change = on_change
        self._sleep = sleep
        self._clock = clock or asyncio.get_running_loop().time
        self._log = get_logger()

    async def run(self) -> None:
        """Start every service and keep it; ends by cancellation.

        Raises:
            UpError: A service says by its exit code that its settings are wrong: starting it again
                would not help.
        """
        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                for service in self.services:
                    tasks.create_task(self._keep(service), name=f"keep {service.name}")
        except* UpError as errors:
            # Not raised here: Python before 3.11.4 puts it into a group of its own.
            # Source: https://github.com/python/cpython/issues/103590
            failure = errors.exceptions[0]
        if failure is not None:
            raise failure from None

    async def until_ready(self, told: Callable[[Mapping[str, str]], None]) -> None:
        """Wait until every service is ready at the same time.

        Args:
            told: Given what keeps whom from being ready, at each look.
        """
        while problems := await self.problems():
            told(problems)
            await self._sleep(POLL_S)

    async def problems(self) -> dict[str, str]:
        """What keeps services from being ready, by their names."""
        found = await asyncio.gather(*(service.problem() for service in self.services))
        named = zip(self.services, found, strict=True)
        return {service.name: problem for service, problem in named if problem}

    async def stop(
        self, stages: Sequence[Stage], *, limit_s: float, hurry: asyncio.Event
    ) -> list[str]:
        """Stop the services, stage after stage; `run` must have ended before.

        Args:
            stages: Who is asked to end when.
            limit_s: What still runs after that is killed.
            hurry: When set, that happens at once.

        Returns:
            The names of those that were killed.
        """
        end = self._clock() + limit_s
        for stage in stages:
            asked = [service for service in self._running() if service.role in stage.roles]
            for service in asked:
                service.terminate()
            await _ended(asked, min(stage.patience_s, end - self._clock()), hurry)
        await _ended(self._running(), end - self._clock(), hurry)
        late = self._running()
        for service in late:
            service.kill()
        await asyncio.gather(*(service.wait() for service in late))
        return [service.name for service in late]

    def _running(self) -> list[Service]:
        return [service for service in self.services if service.pid is not None]

    async def _keep(self, service: Service) -> None:
        log = self._log.bind(service=service.name)
        quick_deaths = 0
        while True:
            began = self._clock()
            ending = await self._live(service)
            quick_deaths = quick_deaths + 1 if self._clock() - began < QUICK_DEATH_S else 0
            delay_s = restart_delay_s(quick_deaths)
            log.warning("role.ended", how=ending, restart_in_s=delay_s)
            await self._sleep(delay_s)

    async def _live(self, service: Service) -> str:
        """Start a service that does not run, see it through to its end, and tell how it ended."""
        if service.pid is None:
            try:
                await service.launch()
            except (OSError, NodeError) as error:
                return f"it could not be started: {error}"
        self._log.info("role.started", service=service.name, pid=service.pid)
        self._on_change()
        code = await service.wait()
        if code == USAGE:
            raise UpError(f"{service.name} cannot run with these settings; it says why above")
        return f"exit code {code}" if code >= 0 else f"signal {-code}"


async def _ended(services: Sequence[Service], patience_s: float, hurry: asyncio.Event) -> None:
    """Wait until all have ended, for a time at most, or until there is a hurry."""
    if not services or patience_s <= 0:
        return

    async def all_ended() -> bool:
        await asyncio.gather(*(service.wait() for service in services))
        return True

    racers = [asyncio.create_task(all_ended()), asyncio.create_task(hurry.wait())]
    await asyncio.wait(racers, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
    for racer in racers:
        racer.cancel()
    await asyncio.gather(*racers, return_exceptions=True)
