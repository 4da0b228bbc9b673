"""The fork server of `portcall up`: it imports the code of all roles once, and forks them.

The roles then share the memory of the code, and start without importing. The server runs nothing
else: no thread, no event loop and no connection exists when it forks. It has no keys: each role
gets its environment through a file that the server itself does not read.

It speaks with its parent over a socket, its standard input, one JSON document in each packet.
"""

import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from importlib import import_module
from typing import NoReturn

from portcall.cli.up import titles
from portcall.cli.up.stages import ROLES
from portcall.runtime.process import launch

SHARED = (
    "cryptography.hazmat.backends.openssl.backend",
    "cryptography.hazmat.primitives.ciphers.aead",
    "encodings.ascii",
    "encodings.idna",
    "jinja2.ext",
    "portcall.store.access.key_texts",
    "pydantic.dataclasses",
    "pydantic.type_adapter",
)
"""Modules that roles import only when they need them, which they all do at their start."""
MAX_PACKET = 4096
FOR_ROLES = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that the server must not die of, because the kernel would kill the roles in their work:
a service manager like systemd sends SIGTERM to every process. Blocked, not ignored: one that comes
for a child before it can take signals waits for it."""
_PR_SET_PDEATHSIG = 1

Main = Callable[[], Coroutine[object, object, None]]


@dataclass(frozen=True, slots=True)
class Order:
    """What a child is to become.

    Attributes:
        role: Its role.
        environ: The file with its environment, as JSON.
        parent: The server's pid.
    """

    role: str
    environ: int
    parent: int


def main() -> NoReturn:
    """Serve; a child leaves with the exit code of its role."""
    control = _take_standard_input()
    mains = preload()
    gc.collect()
    gc.freeze()  # a collection in a child would otherwise write to, and so copy, every page
    order = Server(control).run()
    if order is None:
        sys.exit(0)
    become(order)
    launch(mains[order.role])


def preload() -> dict[str, Main]:
    """Import everything, and return the roles' ``main()`` functions."""
    for name in SHARED:
        import_module(name)
    return {role: import_module(f"portcall.{role}.__main__").main for role in ROLES}


class Server:
    """Forks on request, and reports how its children end.

    Args:
        control: The connection to the parent: packets.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._pid = os.getpid()
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_BLOCK, FOR_ROLES)

    def run(self) -> Order | None:
        """Serve until the parent closes the connection; a child returns its order."""
        control = self._control.fileno()
        while True:
            readable, _, _ = select.select([control, self._woken], [], [])
            if self._woken in readable:
                os.read(self._woken, MAX_PACKET)
                self._report_ended()
            if control in readable:
                packet, files, _, _ = socket.recv_fds(self._control, MAX_PACKET, 1)
                if not packet:
                    return None
                if order := self._fork(json.loads(packet)["role"], files[0]):
                    return order

    def _fork(self, role: str, environ: int) -> Order | None:
        try:
            pid = os.fork()
        except OSError as error:
            os.close(environ)
            self._say(failed=str(error))
            return None
        if pid == 0:
            self._leave()
            return Order(role, environ, self._pid)
        os.close(environ)
        self._say(started=pid)
        return None

    def _leave(self) -> None:
        """Undo, in a child, what belongs to the server."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, FOR_ROLES)
        self._control.close()
        os.close(self._woken)
        os.close(self._wake)

    def _report_ended(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._say(ended=pid, code=os.waitstatus_to_exitcode(status))

    def _say(self, **told: int | str) -> None:
        self._control.send(json.dumps(told).encode())


def become(order: Order) -> None:
    """Turn this child into the process of a role, as if it had been started on its own."""
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != order.parent:  # it died before the kernel knew what to do
        os._exit(1)
    with os.fdopen(order.environ) as file:
        environ: dict[str, str] = json.load(file)
    titles.replace_environment(environ)
    titles.show([sys.executable, "-P", "-m", f"portcall.{order.role}"], environ)


def _take_standard_input() -> socket.socket:
    """Return the socket that is the standard input, and close that for the roles."""
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return control


if __name__ == "__main__":
    main()
