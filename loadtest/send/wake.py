"""A kernel timer that wakes the loop at an exact time; the loop's own timers have only ms.

libuv and asyncio round to whole milliseconds; at 1,000 requests per second that is one request. The
kernel's timer needs no busy waiting, so the generator's CPU time is the cost of its requests.
"""

import asyncio
import ctypes
import os
import time
from collections.abc import Callable

_CLOCK_MONOTONIC = 1
"""The clock of Linux that `time.perf_counter` reads."""
_ABSOLUTE = 1
_SOONEST_NS = 1
"""A timer set to zero is off."""


class _Timespec(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long))


class _Timer(ctypes.Structure):
    _fields_ = (("it_interval", _Timespec), ("it_value", _Timespec))


class Wake:
    """Calls *called* at the time that was set last.

    Args:
        called: Called in the loop.
    """

    def __init__(self, called: Callable[[], None]) -> None:
        self._called = called
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._timer = self._libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._timer < 0:
            raise OSError(ctypes.get_errno(), "cannot create a timer")
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._timer, self._expired)

    def at(self, when: float) -> None:
        """Call at *when*, by `time.perf_counter`; at once if that has passed."""
        seconds, rest_ns = divmod(max(_SOONEST_NS, int(when * 1e9)), 1_000_000_000)
        timer = _Timer(_Timespec(0, 0), _Timespec(seconds, rest_ns))
        if self._libc.timerfd_settime(self._timer, _ABSOLUTE, ctypes.byref(timer), None):
            raise OSError(ctypes.get_errno(), "cannot set the timer")

    def close(self) -> None:
        """Make no more calls."""
        self._loop.remove_reader(self._timer)
        os.close(self._timer)

    def _expired(self) -> None:
        try:
            os.read(self._timer, 8)
        except BlockingIOError:
            return  # it was set again meanwhile
        self._called()


def now() -> float:
    """Return the time of the clock that the load test uses, in seconds."""
    return time.perf_counter()
