"""Doing harm on purpose, and writing down what was done to whom, and when."""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.faults.harness.journals import Fault
from tests.installation import Installation

ROLES = ("producer", "router", "deliverer", "recorder", "management")
BROKER = "rabbitmq"


class Injector:
    """Sends signals to the processes of an installation.

    Args:
        installation: Whose.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self.faults: list[Fault] = []

    def send(self, number: signal.Signals, whom: str) -> int | None:
        """Send a signal to every process of a role; gives the pid of the last that was there."""
        began = time.time()
        reached = None
        for pid in self._installation.pids(whom):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue  # it died a moment ago
            reached = pid
        if reached is not None:
            self.faults.append(Fault(number.name, whom, began, time.time()))
        return reached

    def kill(self, whom: str) -> int | None:
        """End a role's processes at once."""
        return self.send(signal.SIGKILL, whom)

    async def freeze(self, whom: str, for_s: float) -> None:
        """Stop a role's processes where they are, and let them go on after a while."""
        pids = self._installation.pids(whom)
        with self.during("SIGSTOP", whom):
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(for_s)
            finally:
                for pid in pids:
                    os.kill(pid, signal.SIGCONT)

    @contextmanager
    def during(self, what: str, whom: str) -> Iterator[Fault]:
        """Something else that is done for the time of a block."""
        fault = Fault(what, whom, time.time(), time.time() + 3600)
        self.faults.append(fault)
        try:
            yield fault
        finally:
            fault.ended_at = time.time()

    async def rampage(
        self,
        number: signal.Signals,
        roles: Sequence[str],
        *,
        every_s: float,
        chance: random.Random,
    ) -> None:
        """Send a signal to one after the other, in an order by chance; ends by cancellation.

        Each role has its turn before one has another, so that a short run misses none.
        """
        while True:
            for whom in chance.sample(roles, len(roles)):
                await asyncio.sleep(every_s * chance.uniform(0.5, 1.5))
                self.send(number, whom)

    def counts(self) -> dict[str, int]:
        """How often what was done to whom."""
        return dict(Counter(f"{fault.what} {fault.whom}" for fault in self.faults))
