"""TLS contexts: the default one, and those of webhooks with trust settings, made when needed.

A context costs 2 to 6 ms with its own bundle, and some 100 ms if it reads the system's authorities.
So it is made in a thread, once, and the most recently used ones are kept.
"""

import asyncio
import ssl
from collections import OrderedDict

from portcall.runtime.logs import get_logger
from portcall.runtime.pacing import until_tick
from portcall.runtime.trust import TrustFiles, context_of, installation_context
from portcall.schemas.trust import Trust

MAX_CONTEXTS = 200
"""Kept at most: one with the system's authorities takes 0.8 MB, one with a bundle 20 KB."""
LOOK_EVERY_S = 2.0
"""How often to check files for changes."""


Versioned = tuple[ssl.SSLContext, int]
"""A context, and the version of the files that it was made from."""


class Trusts:
    """Contexts by trust settings.

    Args:
        usual: The context of endpoints without trust settings; None: made from *files*.
        files: The installation's trust files; read again when they change.

    Attributes:
        version: Raised when *files* were read again: older connections are not used any more.

    Raises:
        SettingsError: A file cannot be used.
    """

    def __init__(
        self, usual: ssl.SSLContext | None = None, files: TrustFiles | None = None
    ) -> None:
        self._files = files or TrustFiles()
        self._stamp = self._files.stamp()
        self._usual_trust = self._files.read()
        self._usual = usual or installation_context(self._usual_trust)
        self._made: OrderedDict[Trust, ssl.SSLContext] = OrderedDict()
        self._making: dict[tuple[Trust, int], asyncio.Future[Versioned]] = {}
        self._log = get_logger()
        self.version = 0

    async def context(self, trust: Trust | None) -> Versioned:
        """The context for an endpoint, and its version; None: the endpoint has no trust settings.

        Raises:
            ssl.SSLError: Its settings cannot be used.
        """
        if trust is None:
            return self._usual, self.version
        made = self._made.get(trust)
        if made is not None:
            self._made.move_to_end(trust)
            return made, self.version
        return await self._make(trust)

    async def _make(self, trust: Trust) -> Versioned:
        """Make a context; concurrent callers wait for the same one."""
        making = self._making.get((trust, self.version))
        if making is None:
            making = asyncio.ensure_future(
                self._made_in_a_thread(trust, self._usual_trust, self.version)
            )
            self._making[trust, self.version] = making
        return await asyncio.shield(making)

    async def _made_in_a_thread(self, trust: Trust, usual: Trust, version: int) -> Versioned:
        try:
            made = await asyncio.to_thread(context_of, trust, usual)
        finally:
            self._making.pop((trust, version), None)
        if version == self.version:
            self._made[trust] = made
            if len(self._made) > MAX_CONTEXTS:
                self._made.popitem(last=False)
        return made, version

    async def watch(self) -> None:
        """Check the files from time to time, however long connections are kept."""
        while self._files:
            await until_tick(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Read the files again if one has changed; invalid ones do not replace the old ones."""
        stamp = self._files.stamp()
        if stamp == self._stamp:
            return
        try:
            trust = await asyncio.to_thread(self._files.read)
            usual = await asyncio.to_thread(installation_context, trust)
        except Exception as error:  # noqa: BLE001 (whatever a file holds, the old ones serve)
            self._log.warning("trust.unreadable", reason=str(error) or type(error).__name__)
            return
        self._stamp, self._usual_trust, self._usual = stamp, trust, usual
        self._made.clear()
        self.version += 1
        self._log.info("trust.reloaded")
