"""A role's process: signals, supervised tasks, the health server, the run file.

A supervised task that ends or raises stops the process with exit code 1: whoever started it starts
it again, which is better than limping. A CancelledError in a task counts as raising: a dead broker
link shows itself as one, though nobody cancelled anything.
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
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import NoReturn

import uvloop
from aiohttp import web

from portcall.runtime import logs
from portcall.runtime.errors import ListenError, SettingsError
from portcall.runtime.http.health import Problem, Several, health_app
from portcall.runtime.http.listening import why_not
from portcall.runtime.http.serving import JsonRunner, Site
from portcall.runtime.settings import HostPort, Settings

MAX_OPEN_FILES = 65_536
MAX_ARENAS = 2
"""glibc gives each thread a heap of its own, each of which grows to the most that it ever held: a
pool of threads over a database held 40 MB so that nobody used. Python's threads take turns anyway.
"""
_M_ARENA_MAX = -8
DRAIN_S = 10.0
"""How long requests in flight may take to end when the process stops."""


class Process:
    """What a role's ``main()`` holds on to; made by `running`."""

    def __init__(self, role: str, settings: Settings) -> None:
        self.role = role
        self._set_up = False
        self.checks: dict[str, Problem] = {"start": self._start_problem}
        self.warnings: dict[str, Problem] = {}
        self.several: list[Several] = []
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
        """Have ``/ready`` say what *problem* says, though the process is ready all the same."""
        self.warnings[name] = problem

    def warn_of(self, several: Several) -> None:
        """Have ``/ready`` say all that *several* gives, as a warning each."""
        self.several.append(several)

    async def until_stopped(self) -> None:
        """Wait for SIGTERM, SIGINT, or the end of a supervised task.

        To call it is to say that everything is set up: before that the process is not ready.
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
        """Serve *app* for as long as the process runs, and give its URL.

        Args:
            app: The application; one that is served already is served here, too.
            bind: Where to listen.
            name: Under which the URL stands in the run file.
            tls: What to serve it with; None: plain http.

        Raises:
            ListenError: *bind* is taken, or not an address of this machine.
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
        """Ask the process to end; what a SIGTERM does."""
        self._log.info("process.stopping")
        self._stop.set()

    async def close(self) -> None:
        """End the requests in flight, then the supervised tasks; newest server first."""
        self._stop.set()
        for runner in reversed(self._runners.values()):
            await runner.cleanup()
        await self._cancel_tasks()
        self._remove_run_file()
        self._log.info("process.stopped", failed=self.failed)

    async def _cancel_tasks(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=5) if tasks else None


@asynccontextmanager
async def running(role: str, settings: Settings) -> AsyncIterator[Process]:
    """Run the body as a role: logs, health server, signals before it; tidying up after it.

    The body leaves when `Process.until_stopped` returned and what was in flight has ended. If a
    supervised task had failed, the process then exits with code 1.
    """
    logs.configure(role=role, level=settings.log_level, style=settings.log_format)
    process = Process(role, settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stop)
    try:
        await process.serve(
            health_app(process.checks, process.warnings, process.several),
            settings.health_bind,
            "health",
        )
        yield process
    finally:
        await process.close()
    if process.failed:
        raise SystemExit(1)


def _allow_open_files() -> None:
    """As many as the system lets us: each connection is one, and 1,024 is the usual first limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def share_heaps(arenas: int = MAX_ARENAS) -> bool:
    """Have the C library keep to a few heaps; says whether it is one that does.

    Source: mallopt(3) and malloc.h of glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_ARENA_MAX, arenas) == 1


def launch(main: Callable[[], Coroutine[object, object, None]]) -> NoReturn:
    """Run a role's ``main()`` on uvloop and leave with its exit code.

    Unusable settings are told in a line for each variable, with exit code 2; an address that is
    taken, which may be over soon, in one line, with exit code 1.
    """
    # What was imported stays; and the youngest generation is many frames' worth of values, most of
    # which are free without a collector. The default collects every 700 allocations.
    _allow_open_files()
    share_heaps()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    try:
        uvloop.run(main())
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except ListenError as error:
        sys.exit(str(error))
    sys.exit(0)
