"""All roles in one process and one event loop, for `portcall up --compact`.

Each role keeps its own connections, health server, run file, log context and metrics. A role that
ends by itself ends the process, and `portcall up` starts it again: so no role runs beside the
remains of a failed one.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import NoReturn, Protocol

from portcall.cli.up.stages import COMPACT, ROLES, Stage, stages
from portcall.deliverer.settings import DelivererSettings
from portcall.runtime import logs, role_metrics
from portcall.runtime.process import Host, launch
from portcall.runtime.threads import call_threads

THREADS = len(ROLES) * min(32, (os.cpu_count() or 1) + 4)
"""For calls to the store: as many as the roles have in processes of their own."""


class RoleFailedError(Exception):
    """A role has failed, and has logged why."""


class Main(Protocol):
    """A role's ``main()``."""

    def __call__(self, host: Host) -> Coroutine[object, object, None]:
        """Run the role until it is asked to stop."""


class HostedRole:
    """A role in this process; a `runtime.process.Host`.

    Args:
        name: The role.
        environ: The environment of the process.
    """

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        self.name = name
        self.environ = {**environ, "PORTCALL_RUN_FILE": run_file(environ, name)}
        self._stop: Callable[[], None] | None = None
        self._asked = False

    def stop_with(self, stop: Callable[[], None]) -> None:
        """Take the function that asks the role to end; call it if that was asked already."""
        self._stop = stop
        if self._asked:
            stop()

    def stop(self) -> None:
        """Ask the role to end."""
        self._asked = True
        if self._stop is not None:
            self._stop()

    async def run(self, main: Main) -> None:
        """Run its ``main()``, with its own metrics.

        Raises:
            RoleFailedError: The role failed. SystemExit would end the event loop at once, and a
                cancelled task would hide the failure.
        """
        role_metrics.enter(self.name, ROLES)
        try:
            await main(self)
        except (SystemExit, asyncio.CancelledError) as error:
            raise RoleFailedError(self.name) from error


def run_file(environ: Mapping[str, str], role: str) -> str:
    """Return a role's run file: beside that of the process, named as if it had its own process."""
    own = environ.get("PORTCALL_RUN_FILE", "")
    return own and str(Path(own).with_name(f"{role}-1.json"))


async def run(mains: Mapping[str, Main], environ: Mapping[str, str]) -> None:
    """Run all roles until a signal, or until one of them ends by itself.

    Raises:
        SettingsError: A role cannot run with these settings.
        ListenError: A role cannot listen on its address.
        SystemExit: A role failed.
    """
    settings = DelivererSettings.from_environment(environ)
    logs.configure(role=COMPACT, level=settings.log_level, style=settings.log_format)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(call_threads(THREADS))
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    roles = [HostedRole(name, environ) for name in mains]
    tasks = {role.name: loop.create_task(role.run(mains[role.name])) for role in roles}
    waiting = loop.create_task(asked.wait())
    await asyncio.wait({waiting, *tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not asked.is_set():
        await give_up(roles, tasks)
    await stop(roles, tasks, stages(settings.attempt_timeout_ms / 1000))
    await asyncio.wait(tasks.values())  # without a limit: `portcall up` has one
    raise_first(tasks.values())


async def stop(
    roles: Sequence[HostedRole], tasks: Mapping[str, asyncio.Task[None]], steps: Iterable[Stage]
) -> None:
    """Ask the roles to end, stage after stage."""
    for step in steps:
        asked = [role for role in roles if role.name in step.roles]
        for role in asked:
            role.stop()
        if asked:
            await asyncio.wait([tasks[role.name] for role in asked], timeout=step.patience_s)


async def give_up(roles: Sequence[HostedRole], tasks: Mapping[str, asyncio.Task[None]]) -> NoReturn:
    """End the process because a role has ended: within 3 s, to be back within 5 s.

    Attempts that take longer are repeated, as after a crash.

    Raises:
        SettingsError: It could not run with its settings.
        ListenError: It could not listen on its address.
        SystemExit: It failed.
    """
    for name, task in tasks.items():
        if task.done():
            logs.get_logger().error("role.failed", failed=name, reason=repr(task.exception()))
    await stop(roles, tasks, stages(0.0))
    if not all(task.done() for task in tasks.values()):
        os._exit(1)
    raise_first(tasks.values())
    raise SystemExit(1)


def raise_first(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Raise the first failure of a role, if there is one."""
    for task in tasks:
        error = task.exception()
        if isinstance(error, RoleFailedError):
            raise SystemExit(1) from error
        if error is not None:
            raise error


def main() -> NoReturn:
    """Import the roles, and run them."""
    mains = {role: import_module(f"portcall.{role}.__main__").main for role in ROLES}
    launch(partial(run, mains, dict(os.environ)))
