"""The holders of bearer tokens: looked up in the store, and cached for a second.

So a revoked token may work for one second more. While the store does not answer, recently used
tokens stay valid for some minutes: the producer must not refuse events because the store is down,
and no token can be revoked without it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from portcall.runtime.clock import now_ms
from portcall.runtime.logs import get_logger
from portcall.store.access import access_tokens as accesstokens
from portcall.store.access.principals import PrincipalRow, digest_of, is_secret
from portcall.store.engine import Store
from portcall.store.errors import StoreUnavailableError

if TYPE_CHECKING:
    from portcall.store.access.signing_keys import PublicKey

FRESH_S = 1.0
STALE_S = 300.0
RETRY_S = 5.0
"""After the store did not answer about a cached token, it is asked again only after this."""
PATIENCE_S = 2.0
MAX_REMEMBERED = 1024
MAX_STRANGERS = 4
"""How many unknown tokens are looked up at a time: a flood of wrong ones delays no valid one."""
MAX_TOKEN = 8192
TOUCH_MS = 60_000


@dataclass(slots=True)
class _Known:
    """The holder of a valid token.

    Attributes:
        principal: The holder.
        until_ms: When the token ends, milliseconds since the epoch; None: never.
        seen_s: When the store confirmed it, by the loop's clock.
        ask_s: When to ask the store again.
    """

    principal: PrincipalRow
    until_ms: int | None
    seen_s: float
    ask_s: float


class Bearers:
    """Finds the holder of a token: a principal's secret, or an access token.

    Args:
        store: Keeps principals and keys.
        tenant: The installation's; None: read from the store when it is needed.
    """

    def __init__(self, store: Store, tenant: str | None = None) -> None:
        self._store = store
        self._tenant = tenant
        self._keys: tuple[PublicKey, ...] = ()
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[_Known | None]] = {}
        self._strangers = asyncio.Semaphore(MAX_STRANGERS)
        self._log = get_logger()

    async def holder(self, token: str) -> PrincipalRow | None:
        """The holder of a token; None: the token is unknown, or its holder has no access any more.

        Raises:
            StoreUnavailableError: It is not cached, and the store does not answer.
        """
        if len(token) > MAX_TOKEN or not (is_secret(token) or accesstokens.is_access_token(token)):
            return None
        digest = digest_of(token)
        known = self._known.get(digest)
        if known is None or known.ask_s <= asyncio.get_running_loop().time():
            known = await self._asked(digest, token)
        if known is None or not _is_good(known):
            return None
        return known.principal

    def known(self, token: str) -> Callable[[], PrincipalRow | None]:
        """Tells later who a token's holder is, without the token.

        Returns:
            A function, which returns None if `holder` would ask the store, or return None.
        """
        digest = digest_of(token)

        def principal() -> PrincipalRow | None:
            known = self._known.get(digest)
            if known is None or known.ask_s <= asyncio.get_running_loop().time():
                return None
            return known.principal if _is_good(known) else None

        return principal

    async def _asked(self, digest: bytes, token: str) -> _Known | None:
        """Ask the store; many requests with the same token lead to one query."""
        task = self._asking.get(digest)
        if task is None:
            task = asyncio.create_task(self._ask(digest, token))
            self._asking[digest] = task
            task.add_done_callback(partial(self._answered, digest))
        return await asyncio.shield(task)

    def _answered(self, digest: bytes, task: asyncio.Task[_Known | None]) -> None:
        self._asking.pop(digest, None)
        if not task.cancelled():
            task.exception()  # mark it as retrieved: all callers may have left

    async def _ask(self, digest: bytes, token: str) -> _Known | None:
        before = self._known.get(digest)
        try:
            if before is None:
                async with self._strangers:
                    found = await self._looked_up(digest, token)
            else:
                found = await self._looked_up(digest, token)
        except StoreUnavailableError as error:
            return self._remembered(before, error)
        if found is None:
            self._known.pop(digest, None)
            return None
        self._known[digest] = found
        self._known.move_to_end(digest)
        if len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
        return found

    async def _looked_up(self, digest: bytes, token: str) -> _Known | None:
        asked_s = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(PATIENCE_S):
                found = await asyncio.to_thread(self._look_up, digest, token)
        except TimeoutError as error:
            raise StoreUnavailableError("the store does not answer in time") from error
        if found is None:
            return None
        principal, until_ms = found
        return _Known(principal, until_ms, asked_s, asked_s + FRESH_S)

    def _remembered(self, known: _Known | None, error: StoreUnavailableError) -> _Known:
        now_s = asyncio.get_running_loop().time()
        if known is None or now_s - known.seen_s > STALE_S:
            raise error
        known.ask_s = now_s + RETRY_S
        self._log.warning("principal.remembered", client_id=known.principal.client_id)
        return known

    def _look_up(self, digest: bytes, token: str) -> tuple[PrincipalRow, int | None] | None:
        """Ask the store, in a thread, for the holder of a token and the end of the token."""
        until_ms = None
        if is_secret(token):
            principal = self._store.principals.by_digest(digest)
        else:
            claims = self._claims(token)
            if claims is None:
                return None
            principal = self._store.principals.get(claims.client_id)
            until_ms = claims.expires_ms + accesstokens.LEEWAY_S * 1000
        at_ms = now_ms()
        if principal is None or not principal.is_live(at_ms):
            return None
        if principal.used_ms is None or at_ms - principal.used_ms > TOUCH_MS:
            self._note_use(principal)
        return principal, until_ms

    def _note_use(self, principal: PrincipalRow) -> None:
        try:
            self._store.principals.used(principal.client_id)
        except StoreUnavailableError as error:  # the next use will note it
            self._log.warning("principal.unnoted", reason=str(error))

    def _claims(self, token: str) -> accesstokens.Claims | None:
        if self._tenant is None:
            self._tenant = self._store.installation.get().tenant
        kid = accesstokens.key_id(token)
        if kid and kid not in {key.kid for key in self._keys}:
            self._keys = tuple(self._store.signing_keys.list())
        return accesstokens.read(token, keys=self._keys, tenant=self._tenant)


def _is_good(known: _Known) -> bool:
    at_ms = now_ms()
    return known.principal.is_live(at_ms) and (known.until_ms is None or at_ms < known.until_ms)
