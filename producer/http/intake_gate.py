"""The intake of the whole installation: `portcall drain` stops it, and every producer refuses.

The state is in the store, so it holds for all producers and over restarts. Each one reads it once a
second; while the store does not answer, the last known state holds.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

from portcall.producer.http.errors import UnavailableError
from portcall.runtime.logs import get_logger
from portcall.schemas.timestamps import acr_timestamp
from portcall.store.errors import StoreUnavailableError

BEGIN_S = 1.0
ENDING = "`portcall drain --end` starts it again"


class IntakeGate:
    """Whether events are taken.

    Args:
        read: Reads since when the intake is stopped (ms since the epoch; 0: it is not); it may
            block.
    """

    def __init__(self, read: Callable[[], int]) -> None:
        self._read = read
        self._stopped_ms = 0
        self._log = get_logger()

    async def begin(self) -> None:
        """Read the state before the first request; a store that hangs does not hold up a start."""
        with suppress(TimeoutError):
            async with asyncio.timeout(BEGIN_S):
                await self.refresh()

    async def refresh(self) -> bool:
        """Read the state; returns whether the store answered."""
        try:
            stopped_ms = await asyncio.to_thread(self._read)
        except StoreUnavailableError:
            return False  # the registries' query logs it
        if bool(stopped_ms) != bool(self._stopped_ms):
            self._log.warning("intake.stopped" if stopped_ms else "intake.started")
        self._stopped_ms = stopped_ms
        return True

    def check(self) -> None:
        """Let an event in.

        Raises:
            UnavailableError: The intake is stopped.
        """
        if self._stopped_ms:
            raise UnavailableError(f"{self._told}; send it again later")

    def warnings(self) -> Mapping[str, str]:
        """The stopped intake, for `portcall doctor`."""
        return {"intake": f"{self._told}: {ENDING}"} if self._stopped_ms else {}

    @property
    def _told(self) -> str:
        return f"the intake has been stopped since {acr_timestamp(self._stopped_ms)}"
