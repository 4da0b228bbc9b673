"""A role's process: signals, supervised tasks, the health server, the run file.

A supervised task that ends or raises stops the process with exit code 1, and its parent starts it
again, which is better than a half-working process. A CancelledError in a task counts as an error: a
dead broker link raises it, though no code cancelled anything.
"""

import asyncio
import ctypes
import gc
import json
import os
import resource
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import NoReturn, Protocol

import uvloop
from aiohttp import web

from portcall.runtime import logs
from portcall.runtime.errors import ListenError, SettingsError
from portcall.runtime.http.health import Problem, Several, health_app
from portcall.runtime.http.listening import why_not
from portcall.runtime.http.serving import JsonRunner, Site
from portcall.runtime.logs import get_logger
from portcall.runtime.settings import HostPort, Settings
from portcall.runtime.threads import call_threads
from portcall.runtime.tracing.opening import tracer_of
from portcall.runtime.tracing.spans import Tracer
from portcall.runtime.variables import CHILD_OF, unknown_variables

MAX_OPEN_FILES = 65_536
MAX_ARENAS = 2
"""glibc gives each thread its own heap, which never shrinks: a pool of threads for a database held
40 MB of unused memory. Python's threads run one at a time anyway.
"""
_M_ARENA_MAX = -8
DRAIN_S = 10.0
"""How long requests in flight may take to end when the process stops."""


class Host(Protocol):
    """What a role runs in: a process of its own, or one that it shares with others."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The role's environment."""

    def stop_with(self, stop: Callable[[], None]) -> None:
        """Take the function that asks the role to end."""


class OwnProcess:
    """A process that runs one role: SIGTERM and SIGINT ask it to end."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment of this process."""
        return os.environ

    def stop_with(self, stop: Callable[[], None]) -> None:
        """Call *stop* at these signals."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)


OWN_PROCESS = OwnProcess()


class Process:
    """The resources of a role's ``main()``; made by `running`."""

    def __init__(self, role: str, settings: Settings, tracer: Tracer | None = None) -> None:
        self.role = role
        self.tracer = tracer
        self._set_up = False
        self.checks: dict[str, Problem] = {"start": self._start_problem}
        self.warnings: dict[str, Problem] = {}
        self.several: list[Several] = []
        self.notes: dict[str, Problem] = {}
        self._last_works: list[Callable[[], Awaitable[None]]] = []
        self._settings = settings
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.failed = False
        self._addresses: dict[str, str] = {}
        self._runners: dict[web.Application, web.AppRunner] = {}
        self._log = logs.get_logger()

    def supervise(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        """Run *work*, which must not end before the process does."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def check(self, name: str, problem: Problem) -> None:
        """Make *problem* part of ``/ready``: it says what is wrong, or None."""
        self.checks[name] = problem

    def warn(self, name: str, problem: Problem) -> None:
        """Show *problem* as a warning in ``/ready``; the process stays ready."""
        self.warnings[name] = problem

    def warn_of(self, several: Several) -> None:
        """Show each text of *several* as a warning in ``/ready``."""
        self.several.append(several)

    def note(self, name: str, text: Problem) -> None:
        """Show *text* as a note in ``/ready`` while it is not None; a note is no problem."""
        self.notes[name] = text

    def finish_with(self, work: Callable[[], Awaitable[None]]) -> None:
        """Call *work* when the last request has ended and the supervised tasks still run."""
        self._last_works.append(work)

    async def until_stopped(self) -> None:
        """Wait for SIGTERM, SIGINT, or the end of a supervised task.

        Calling it means that everything is set up: before that the process is not ready.
        """
        self._set_up = True
        await self._stop.wait()

    async def serve(
        self,
        app: web.Application,
        bind: HostPort,
        name: str,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> str:
        """Serve *app* until the process stops, and return its URL.

        Args:
            app: The application; it may be served at several addresses.
            bind: The address to listen on.
            name: The name of the URL in the run file.
            tls: The TLS context; None: plain http.

        Raises:
            ListenError: *bind* is in use, or not an address of this machine.
        """
        runner = await self._runner_of(app)
        before = len(runner.addresses)
        site = Site(runner, bind.host, bind.port, ssl_context=tls, reuse_address=True)
        try:
            await site.start()
        except (OSError, UnicodeError) as error:
            raise ListenError(f"{name}: cannot listen on {bind}: {why_not(error)}") from error
        host, port = runner.addresses[before][:2]
        url = f"{'https' if tls else 'http'}://{HostPort(host=host, port=port)}"
        self._addresses[name] = url
        self._write_run_file()
        self._log.info("server.started", name=name, url=url)
        return url

    async def _runner_of(self, app: web.Application) -> web.AppRunner:
        runner = self._runners.get(app)
        if runner is None:
            runner = JsonRunner(
                app, access_log=None, handle_signals=False, shutdown_timeout=DRAIN_S
            )
            await runner.setup()
            self._runners[app] = runner
        return runner

    def _start_problem(self) -> str | None:
        return None if self._set_up else "it is still starting"

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if self._stop.is_set() and error is None:
            return
        self._log.error("task.ended", task=task.get_name(), exc_info=error)
        self.failed = self.failed or not self._stop.is_set()
        self._stop.set()

    def _write_run_file(self) -> None:
        path = self._settings.run_file
        if path is None:
            return
        urls = {name: url for name, url in self._addresses.items() if name != "health"}
        told = {
            "role": self.role,
            "pid": os.getpid(),
            "health_url": self._addresses.get("health", ""),
            "urls": urls,
        }
        replacement = path.with_suffix(".tmp")
        replacement.write_text(json.dumps(told))
        replacement.replace(path)

    def _remove_run_file(self) -> None:
        path = self._settings.run_file
        if path is not None:
            path.unlink(missing_ok=True)

    def stop(self) -> None:
        """Ask the process to end, like a SIGTERM."""
        self._log.info("process.stopping")
        self._stop.set()

    async def close(self) -> None:
        """End the requests in flight, newest server first; then the supervised tasks."""
        self._stop.set()
        for runner in reversed(self._runners.values()):
            await runner.cleanup()
        for work in self._last_works:
            await work()
        await self._cancel_tasks()
        if self.tracer is not None:
            await asyncio.to_thread(self.tracer.close)
        self._remove_run_file()
        self._log.info("process.stopped", failed=self.failed)

    async def _cancel_tasks(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=5) if tasks else None


@asynccontextmanager
async def running(
    role: str, settings: Settings, host: Host = OWN_PROCESS
) -> AsyncIterator[Process]:
    """Run the body as a role: set up logs, health server and signals, and clean up afterwards.

    The body leaves after `Process.until_stopped` has returned and everything in flight has ended.
    If a supervised task has failed, the process then exits with code 1.
    """
    logs.configure(role=role, level=settings.log_level, style=settings.log_format)
    tell_unknown(host.environ)
    process = Process(role, settings, tracer_of(role, tracing=settings.tracing))
    host.stop_with(process.stop)
    try:
        await process.serve(
            health_app(
                process.checks,
                process.warnings,
                process.several,
                process.notes,
                exemplars=process.tracer is not None,
            ),
            settings.health_bind,
            "health",
        )
        yield process
    finally:
        await process.close()
    if process.failed:
        raise SystemExit(1)


def tell_unknown(environ: Mapping[str, str]) -> None:
    """Warn of variables that look like settings; `portcall up` does it for its children."""
    if CHILD_OF not in environ:
        for name, nearest in unknown_variables(environ).items():
            get_logger().warning("setting.unknown", name=name, did_you_mean=nearest)


def _allow_open_files() -> None:
    """Raise the limit of open files as far as allowed: each connection is one; 1,024 is common."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def share_heaps(arenas: int = MAX_ARENAS) -> bool:
    """Limit the number of the C library's heaps; returns whether the library supports that.

    Source: mallopt(3) and malloc.h of glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_ARENA_MAX, arenas) == 1


async def _with_threads(work: Coroutine[object, object, None]) -> None:
    asyncio.get_running_loop().set_default_executor(call_threads())
    await work


def launch(main: Callable[[], Coroutine[object, object, None]]) -> NoReturn:
    """Run a role's ``main()`` on uvloop and leave with its exit code.

    Wrong settings are reported with one line for each variable, and exit code 2; an address in use,
    which may be free again soon, with one line and exit code 1.
    """
    # Imported objects stay; and the youngest generation holds the values of many frames, most of
    # which are freed without a collector. The default collects every 700 allocations.
    _allow_open_files()
    share_heaps()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    try:
        uvloop.run(_with_threads(main()))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except ListenError as error:
        sys.exit(str(error))
    sys.exit(0)
