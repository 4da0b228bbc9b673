"""Keys that change the rate while a load test runs: more, less, as planned."""

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from portcall.loadtest.schedule.dial import Dial

HINT = "Press + or - to send a tenth more or less, 0 for the planned rate."


def press(keys: bytes, dial: Dial, at_s: float) -> None:
    """Turn *dial* by these keys; ignore others."""
    for key in keys.decode("ascii", "replace"):
        dial.press(key, at_s)


@contextmanager
def pressed(told: Callable[[bytes], None]) -> Iterator[None]:
    """Yield each key that is pressed on the terminal, at once and without an echo."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    loop = asyncio.get_running_loop()
    tty.setcbreak(descriptor)
    loop.add_reader(descriptor, lambda: told(os.read(descriptor, 64)))
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
