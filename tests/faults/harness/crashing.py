"""Crash points: a role kills itself exactly between two of its effects.

`portcall up` is started with `environment`; a file then says which role is to die where, as soon as
it comes there. The file is gone with the role: the one that is started in its place lives on.
"""

import asyncio
import functools
import inspect
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests import ROOT

VARIABLE = "PORTCALL_CRASH"
PRELOAD = Path(__file__).parent / "preload"
ON_THE_WIRE_S = 0.001
"""How long after a write the process dies that is to have it on the wire, but no answer to it."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """Where to die.

    Attributes:
        role: Who.
        place: Which call: ``taken``, ``publish``, ``ack``, ``post``, ``follow``, ``append``,
            ``insert``, ``remove``.
        when: ``before`` the call, with it ``under way``, or ``after`` it.
        exchange: Of a ``publish``: only one to an exchange whose name begins so.
        number: At the so-manieth time from now.
    """

    role: str
    place: str
    when: str
    exchange: str = ""
    number: int = 1

    def __str__(self) -> str:
        what = f"{self.place} to {self.exchange}" if self.exchange else self.place
        return f"{self.role}, {self.when} {what}"


def environment(file: Path) -> dict[str, str]:
    """The variables with which roles look at *file*."""
    return {VARIABLE: str(file), "PYTHONPATH": os.pathsep.join([str(PRELOAD), str(ROOT)])}


def order(file: Path, point: CrashPoint) -> None:
    """Let the role die when it comes to that point; an order before is forgotten."""
    file.with_suffix(".done").unlink(missing_ok=True)
    new = file.with_suffix(".new")
    new.write_text(json.dumps(asdict(point)))
    new.replace(file)


@functools.cache
def role_of(pid: int) -> str:
    """The role of a process, as its arguments show it: a role is forked, and has no name before."""
    arguments = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return arguments[3].removeprefix("portcall.")


class Trap:
    """What a role looks at in each of its crash points.

    Args:
        file: Where its order would be.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._point: CrashPoint | None = None
        self._passed = 0

    def due(self, place: str, when: str, exchange: str = "") -> bool:
        """Whether the order is to die here, now."""
        try:
            point = CrashPoint(**json.loads(self._file.read_text()))
        except OSError:
            return False
        if point != self._point:
            self._point, self._passed = point, 0
        if (point.role, point.place, point.when) != (role_of(os.getpid()), place, when):
            return False
        if not exchange.startswith(point.exchange):
            return False
        self._passed += 1
        return self._passed == point.number

    def die(self) -> None:
        """End this process at once; the order is carried out."""
        moment = f"{role_of(os.getpid())} {time.time()}"
        writing = self._file.with_suffix(".writing")
        writing.write_text(moment)
        writing.rename(self._file.with_suffix(".done"))  # who waits for it finds all of it
        self._file.unlink()
        os.kill(os.getpid(), signal.SIGKILL)

    def around(self, place: str, call: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
        """The same call, with points before it, in it and after it."""

        @functools.wraps(call)
        async def trapped(*args: Any, **kwargs: Any) -> T:  # noqa: ANN401 (whatever it takes)
            exchange = kwargs.get("exchange", "")
            if self.due(place, "before", exchange):
                self.die()
            if self.due(place, "under way", exchange):
                asyncio.get_running_loop().call_later(ON_THE_WIRE_S, self.die)
            result = await call(*args, **kwargs)
            if self.due(place, "after", exchange):
                asyncio.get_running_loop().call_later(ON_THE_WIRE_S, self.die)
            return result

        return trapped

    def around_blocking(self, place: str, call: Callable[..., T]) -> Callable[..., T]:
        """The same for a call that blocks, or only begins something."""

        @functools.wraps(call)
        def trapped(*args: Any, **kwargs: Any) -> T:  # noqa: ANN401 (whatever it takes)
            if self.due(place, "before"):
                self.die()
            result = call(*args, **kwargs)
            if self.due(place, "after"):
                self.die()
            return result

        return trapped

    def around_post(self, exchange: Callable[..., T]) -> Callable[..., T]:
        """The same for a POST: under way means that it is written and not answered."""

        @functools.wraps(exchange)
        def trapped(*args: Any, **kwargs: Any) -> T:  # noqa: ANN401 (whatever it takes)
            if self.due("post", "before"):
                self.die()
            result = exchange(*args, **kwargs)
            if self.due("post", "under way"):
                asyncio.get_running_loop().call_later(ON_THE_WIRE_S, self.die)
            return result

        return trapped


def arm() -> None:
    """Put the crash points of roles around the calls that have effects."""
    # Only here, and only where roles are made: the file is imported by every Python that `up` starts.
    from portcall.deliverer.attempting import Attempter  # noqa: PLC0415
    from portcall.deliverer.post.connection import Connection  # noqa: PLC0415
    from portcall.runtime.broker.letters import Reading  # noqa: PLC0415
    from portcall.runtime.broker.publisher import Publisher  # noqa: PLC0415
    from portcall.runtime.broker.receipts import ChannelReceipt  # noqa: PLC0415
    from portcall.runtime.broker.settle import Settler  # noqa: PLC0415
    from portcall.store.records import appending  # noqa: PLC0415
    from portcall.store.records import event_log as eventlog  # noqa: PLC0415

    trap = Trap(Path(os.environ[VARIABLE]))
    for owner, name, place in (
        (Settler, "settle", "taken"),
        (Publisher, "publish", "publish"),
        (ChannelReceipt, "acknowledge", "ack"),
        (Attempter, "_conclude", "follow"),
        (Reading, "remove", "remove"),
    ):
        call = getattr(owner, name)
        around = trap.around if inspect.iscoroutinefunction(call) else trap.around_blocking
        setattr(owner, name, around(place, call))
    Connection.exchange = trap.around_post(Connection.exchange)  # type: ignore[method-assign]
    log = eventlog.EventLog
    log.append = trap.around_blocking("append", log.append)  # type: ignore[method-assign]
    appending.append = trap.around_blocking("insert", appending.append)
