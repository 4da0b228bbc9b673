"""TLS contexts: the usual one, and those of webhooks with something of their own, made when needed.

A context costs 2 to 6 ms with a bundle of its own, and some 100 ms where the system's authorities
are read: it is made in a thread, once, and the ones used last are kept.
"""

import asyncio
import ssl
import time
from collections import OrderedDict

from runtime.logs import get_logger
from runtime.trust import TrustFiles, context_of, installation_context
from schemas.trust import Trust

MAX_CONTEXTS = 200
"""Kept at most: one with the system's authorities takes 0.8 MB, one with a bundle 20 KB."""
LOOK_EVERY_S = 2.0
"""How often files are looked at for a change, while connections are made."""


class Trusts:
    """Contexts by what is trusted and shown.

    Args:
        usual: The context of endpoints without anything of their own; None: of *files*.
        files: What an installation trusts and shows; read again when they change.

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
        self._making: dict[Trust, asyncio.Future[ssl.SSLContext]] = {}
        self._looked_at = time.monotonic()
        self._log = get_logger()
        self.version = 0

    async def context(self, trust: Trust | None) -> ssl.SSLContext:
        """The context for an endpoint; None: it has nothing of its own.

        Raises:
            ssl.SSLError: What it has cannot be used.
        """
        if self._files and time.monotonic() - self._looked_at > LOOK_EVERY_S:
            await self._look()
        if trust is None:
            return self._usual
        made = self._made.get(trust)
        if made is not None:
            self._made.move_to_end(trust)
            return made
        return await self._make(trust)

    async def _make(self, trust: Trust) -> ssl.SSLContext:
        """Make a context; those who ask for it meanwhile wait for the same one."""
        making = self._making.get(trust)
        if making is None:
            making = asyncio.ensure_future(self._made_in_a_thread(trust))
            self._making[trust] = making
        return await asyncio.shield(making)

    async def _made_in_a_thread(self, trust: Trust) -> ssl.SSLContext:
        version = self.version
        try:
            made = await asyncio.to_thread(context_of, trust, self._usual_trust)
        finally:
            self._making.pop(trust, None)
        if version == self.version:
            self._made[trust] = made
            if len(self._made) > MAX_CONTEXTS:
                self._made.popitem(last=False)
        return made

    async def _look(self) -> None:
        """Read the files again if one has changed; the old ones serve while they do not fit."""
        self._looked_at = time.monotonic()
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
