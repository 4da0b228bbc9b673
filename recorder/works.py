"""The works of a term: the tasks of a recorder while it leads; they end together."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass

from portcall.runtime.http.health import Problem
from portcall.schemas.errors import PortcallError


class WorkEndedError(PortcallError):
    """A work that must not end has ended; the process ends, too, and is started again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Works:
    """What runs in one term.

    Attributes:
        tasks: The works by name; each runs without end.
        checks: Their problems, for ``/ready``.
        settled: Waits for transactions of theirs that are under way.
    """

    tasks: Mapping[str, Coroutine[object, object, None]]
    checks: Mapping[str, Problem]
    settled: Callable[[], Awaitable[None]]

    async def run(self) -> None:
        """Run all of them until one fails or this is cancelled; then end all of them.

        Raises:
            WorkEndedError: A work has ended without an error.
            Exception: The error of the work that failed first.
        """
        tasks = [asyncio.create_task(work, name=name) for name, work in self.tasks.items()]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            ended = [task for task in tasks if task.done()]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await self.settled()
        raise _first_error(ended)


def _first_error(ended: list[asyncio.Task[None]]) -> BaseException:
    """The error of an ended task. One that a dead connection cancelled is an error as well."""
    for task in ended:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            error.add_note(f"in the recorder's work: {task.get_name()}")
            return error
    return WorkEndedError(f"the work has ended: {ended[0].get_name()}")
