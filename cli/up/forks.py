"""The client of the fork server: `portcall up` asks it for processes of roles."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Mapping
from typing import Any

from portcall.cli import children
from portcall.cli.errors import ForkError
from portcall.cli.up.titles import block_of

ROOM = "PORTCALL_FORK_ROOM"
"""A variable without a meaning: its length makes room for the largest environment of a role."""
SPARE_BYTES = 4096
"""For the variables that each process has for itself: the run file and the mark."""
MAX_PACKET = 4096
STOP_S = 1.0
_KILLED = -signal.SIGKILL


class Forked:
    """A process that the fork server started; the kernel kills it when the server dies."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.Event()

    async def wait(self) -> int:
        """Wait for its end, and return the exit code; a negative one is a signal."""
        await self._ended.wait()
        return _KILLED if self.returncode is None else self.returncode

    def has_ended(self, code: int) -> None:
        """Take the exit code."""
        self.returncode = code
        self._ended.set()


class ForkServer:
    """The fork server, started when it is needed and again when it has died.

    Args:
        environ: Its own environment: that of the roles, without keys.
        widest: The largest environment of a role.
        mark: As for `children.spawn`.
    """

    def __init__(self, environ: Mapping[str, str], *, widest: Mapping[str, str], mark: str) -> None:
        missing = len(block_of(widest)) - len(block_of(environ))
        self._environ = {**environ, ROOM: "-" * (max(missing, 0) + SPARE_BYTES)}
        self._mark = mark
        self._process: children.Process | None = None
        self._control: socket.socket | None = None
        self._listening: asyncio.Task[None] | None = None
        self._answers: deque[asyncio.Future[Forked]] = deque()
        self._forked: dict[int, Forked] = {}

    @property
    def pid(self) -> int | None:
        """Return its pid while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    async def start(self) -> None:
        """Start it, if it does not run; it imports while this process goes on.

        Raises:
            OSError: There is no room for another process.
        """
        if self._control is not None:
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)  # noqa: FBT003 (it takes no keyword)
        self._control = ours
        try:
            self._process = await children.spawn(
                [sys.executable, "-P", "-m", "portcall.cli.up.fork_server"],
                env=self._environ,
                mark=self._mark,
                stdin=theirs.fileno(),
            )
        except BaseException:
            ours.close()
            self._control = None
            self._all_ended()  # other roles may have asked meanwhile
            raise
        finally:
            theirs.close()
        self._listening = asyncio.create_task(self._listen(ours), name="fork server")

    async def fork(self, role: str, environ: Mapping[str, str]) -> Forked:
        """Start a process of a role.

        Raises:
            ForkError: The server died, or could not fork.
            OSError: The server could not be started.
        """
        await self.start()
        control = self._control
        if control is None:
            raise ForkError("the fork server ended")
        answer: asyncio.Future[Forked] = asyncio.get_running_loop().create_future()
        descriptor = os.memfd_create("environ")
        try:
            with os.fdopen(os.dup(descriptor), "w") as file:
                json.dump({**environ, children.MARK: self._mark}, file)
            os.lseek(descriptor, 0, os.SEEK_SET)
            socket.send_fds(control, [json.dumps({"role": role}).encode()], [descriptor])
        except (BrokenPipeError, ConnectionError) as error:
            raise ForkError("the fork server ended") from error
        finally:
            os.close(descriptor)
        self._answers.append(answer)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            answer.add_done_callback(_kill)
            raise

    async def stop(self) -> None:
        """End it; its children are ended before."""
        if self._control is not None:
            self._control.shutdown(socket.SHUT_RDWR)
        if self._listening is not None:
            await self._listening
        if self._process is not None:
            await children.end(self._process, grace_s=STOP_S)

    async def _listen(self, control: socket.socket) -> None:
        """Take what the server says until its end."""
        loop = asyncio.get_running_loop()
        try:
            while packet := await loop.sock_recv(control, MAX_PACKET):
                self._take(json.loads(packet))
        except ConnectionError:
            pass
        finally:
            control.close()
            self._control = None
            self._all_ended()

    def _take(self, told: Mapping[str, Any]) -> None:
        if "ended" in told:
            self._forked.pop(int(told["ended"])).has_ended(int(told["code"]))
            return
        answer = self._answers.popleft()
        if "started" in told:
            pid = int(told["started"])
            self._forked[pid] = forked = Forked(pid)
            answer.set_result(forked)
        else:
            answer.set_exception(ForkError(f"the fork server cannot fork: {told['failed']}"))

    def _all_ended(self) -> None:
        """There is no server, or no longer: the kernel has killed its children."""
        while self._answers:
            self._answers.popleft().set_exception(ForkError("the fork server ended"))
        for forked in self._forked.values():
            forked.has_ended(_KILLED)
        self._forked.clear()


def _kill(answer: "asyncio.Future[Forked]") -> None:
    """Kill a process that only just began, because no caller waits for it: none would stop it."""
    if answer.exception() is None:
        children.send(answer.result(), signal.SIGKILL)
