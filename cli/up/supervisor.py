"""Keep processes running: restart each one when it dies, and stop all in order."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from portcall.cli.errors import USAGE, ForkError, NodeError, UpError
from portcall.cli.up.stages import Stage
from portcall.runtime.logs import get_logger

QUICK_DEATH_S = 5.0
MAX_RESTART_DELAY_S = 2.0
"""Together with a role's start (1 s), this keeps the promise that a role is back within 5 s."""
POLL_S = 0.1


class Service(Protocol):
    """A process that is kept running."""

    @property
    def name(self) -> str:
        """Return its own name, e.g. ``router-2``."""

    @property
    def role(self) -> str:
        """Return its kind, e.g. ``router``."""

    @property
    def pid(self) -> int | None:
        """Return its process, while that runs."""

    async def launch(self) -> None:
        """Start the process; it need not be ready on return."""

    async def wait(self) -> int:
        """Wait for its end, and return the exit code."""

    async def problem(self) -> str | None:
        """Return why it is not ready, or None."""

    def terminate(self) -> None:
        """Ask it to end (SIGTERM)."""

    def kill(self) -> None:
        """Kill it (SIGKILL)."""


def restart_delay_s(quick_deaths: int) -> float:
    """Return the delay of a restart: 0, unless the process died soon after its starts.

    Args:
        quick_deaths: How many times in a row it ran for less than `QUICK_DEATH_S`.
    """
    return min(MAX_RESTART_DELAY_S, 0.25 * 2 ** (quick_deaths - 2)) if quick_deaths > 1 else 0.0


class Supervisor:
    """Starts services, and restarts those that end.

    Args:
        services: The services, in the order of starting.
        on_change: Called after each start, because pids have changed.
        sleep: Waits for so many seconds.
        clock: A monotonic clock, in seconds.
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
        """Start every service and keep it running; ends by cancellation.

        Raises:
            UpError: A service exited because its settings are wrong: starting it again
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
        """Wait until all services are ready at the same time.

        Args:
            told: Called at each look, with the reasons why services are not ready.
        """
        while problems := await self.problems():
            told(problems)
            await self._sleep(POLL_S)

    async def problems(self) -> dict[str, str]:
        """Return the reasons why services are not ready, by their names."""
        found = await asyncio.gather(*(service.problem() for service in self.services))
        named = zip(self.services, found, strict=True)
        return {service.name: problem for service, problem in named if problem}

    async def stop(
        self, stages: Sequence[Stage], *, limit_s: float, hurry: asyncio.Event
    ) -> list[str]:
        """Stop the services, stage after stage; `run` must have ended before.

        Args:
            stages: Which roles are asked to end when.
            limit_s: Services that run longer are killed.
            hurry: When set, they are killed at once.

        Returns:
            The names of the killed services.
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
        """Start a service, wait for its end, and return how it ended."""
        if service.pid is None:
            try:
                await service.launch()
            except (OSError, NodeError, ForkError) as error:
                return f"it could not be started: {error}"
        self._log.info("role.started", service=service.name, pid=service.pid)
        self._on_change()
        code = await service.wait()
        if code == USAGE:
            raise UpError(
                f"{service.name} cannot run with these settings; its message above gives the reason"
            )
        return f"exit code {code}" if code >= 0 else f"signal {-code}"


async def _ended(services: Sequence[Service], patience_s: float, hurry: asyncio.Event) -> None:
    """Wait until all have ended, until the time limit, or until there is a hurry."""
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
