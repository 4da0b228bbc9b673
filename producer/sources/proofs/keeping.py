"""The keys of issuers in memory: fetched when they are needed, and renewed before they are old.

============================  ====================================================================
event                         what happens
============================  ====================================================================
a key is known                it is used; if its set is older than `FRESH_S`, the set is fetched
                              again meanwhile, and no request waits for that
a key is not known            the set is fetched, and the request waits; all that come meanwhile
                              wait for the same fetch, `FETCH_S` at most
it is still not known         the token is refused; the set is not fetched again for `AGAIN_S`
the issuer does not answer    it is not asked again for `RETRY_S`; known keys are used for `STALE_S`
a key is not in the set       it is used for `GONE_S` more: tokens that it signed may be on the way;
                              but the set before must not be older than `FRESH_S` and `GONE_S`
============================  ====================================================================

Each issuer is asked by one fetch at a time, and none waits for another.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from portcall.producer.sources.proofs.issuers import (
    KeysUnavailableError,
    configuration_of,
    keys_of,
)
from portcall.producer.sources.proofs.keys import Key, read_keys
from portcall.runtime.logs import get_logger

FETCH_S = 3.0
"""For an issuer's configuration and its keys together."""
FRESH_S = 3_600.0
"""Issuers publish a key a day before they sign with it."""
AGAIN_S = 60.0
"""Between two fetches that unknown keys cause: tokens of strangers cannot cause more."""
RETRY_S = 5.0
STALE_S = 86_400.0
GONE_S = 3_600.0
"""Google's tokens live an hour, Entra's 60 to 90 minutes."""
MAX_ISSUERS = 1_000
"""The one that was not used for the longest is forgotten."""

Fetch = Callable[[str], Awaitable[bytes]]
"""GETs an address, bounded in time and size; raises `KeysUnavailableError`."""
_NEVER_S = float("-inf")


@dataclass(slots=True)
class _Ring:
    """What is known of one issuer; times are of the monotonic clock.

    Attributes:
        keys: Its keys by their ids.
        until_s: Until when those that it does not list any more are used.
        fetched_s: When the keys were last fetched.
        not_before_s: When it may be asked again.
        problem: Why the last fetch failed; empty: it did not.
        renewal: The fetch that runs.
    """

    keys: dict[str, Key] = field(default_factory=dict)
    until_s: dict[str, float] = field(default_factory=dict)
    fetched_s: float = _NEVER_S
    not_before_s: float = _NEVER_S
    problem: str = ""
    renewal: asyncio.Task[None] | None = None

    def key(self, kid: str, now_s: float) -> Key | None:
        """A key that may be used now."""
        is_usable = now_s < min(self.fetched_s + STALE_S, self.until_s.get(kid, now_s + 1))
        return self.keys.get(kid) if is_usable else None

    def take(self, found: dict[str, Key], now_s: float) -> None:
        """Take the keys that the issuer lists now, and keep the others for a while.

        After a time without a fetch, a key may have been withdrawn long ago.
        """
        until_s = min(now_s, self.fetched_s + FRESH_S) + GONE_S
        gone = {kid: self.until_s.get(kid, until_s) for kid in self.keys.keys() - found}
        self.until_s = {kid: until_s for kid, until_s in gone.items() if until_s > now_s}
        self.keys = {kid: self.keys[kid] for kid in self.until_s} | found
        self.fetched_s = now_s


class IssuerKeys:
    """The keys of all issuers.

    Args:
        fetch: Gets an address.
        clock: Monotonic seconds.
    """

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._rings: dict[str, _Ring] = {}
        self._log = get_logger()

    async def find(self, issuer: str, kid: str) -> Key | None:
        """An issuer's key; None: it has no such key.

        Raises:
            KeysUnavailableError: The key is not known, and the issuer does not answer.
        """
        ring = self._ring(issuer)
        key = ring.key(kid, self._clock())
        if key is None:
            renewal = self._renewal(issuer, ring)
            if renewal is not None:
                await asyncio.shield(renewal)  # others may wait for it, too
                key = ring.key(kid, self._clock())
        elif ring.fetched_s <= self._clock() - FRESH_S:
            self._renewal(issuer, ring)
        if key is None and ring.problem:
            raise KeysUnavailableError("the keys of the token's issuer cannot be fetched")
        return key

    def warnings(self) -> Mapping[str, str]:
        """Which issuers do not give their keys, and why: warnings of the process."""
        return {
            f"issuer {name}": f"its keys cannot be fetched: {ring.problem}"
            for name, ring in self._rings.items()
            if ring.problem
        }

    def _ring(self, issuer: str) -> _Ring:
        """What is known of an issuer, which is the last one used from now on."""
        ring = self._rings.pop(issuer, None) or _Ring()
        if len(self._rings) >= MAX_ISSUERS:
            del self._rings[next(iter(self._rings))]
        self._rings[issuer] = ring
        return ring

    def _renewal(self, issuer: str, ring: _Ring) -> asyncio.Task[None] | None:
        """The fetch that runs, or a new one; None: it is too early for one."""
        if ring.renewal is None and self._clock() >= ring.not_before_s:
            ring.renewal = asyncio.get_running_loop().create_task(self._renew(issuer, ring))
        return ring.renewal

    async def _renew(self, issuer: str, ring: _Ring) -> None:
        try:
            found = await self._fetched(issuer)
        except KeysUnavailableError as error:
            if not ring.problem:
                self._log.warning("issuer.lost", issuer=issuer, reason=str(error))
            ring.problem = str(error)
            ring.not_before_s = self._clock() + RETRY_S
        else:
            if ring.problem:
                self._log.info("issuer.found", issuer=issuer)
            ring.problem = ""
            ring.take(found, self._clock())
            ring.not_before_s = self._clock() + AGAIN_S
        finally:
            ring.renewal = None

    async def _fetched(self, issuer: str) -> dict[str, Key]:
        try:
            async with asyncio.timeout(FETCH_S):
                configuration = await self._fetch(configuration_of(issuer))
                listed = await self._fetch(keys_of(issuer, configuration))
            found = read_keys(listed)
        except TimeoutError as error:
            raise KeysUnavailableError(f"it did not answer in {FETCH_S:.0f} s") from error
        except ValueError as error:
            raise KeysUnavailableError(str(error)) from error
        if not found:
            raise KeysUnavailableError("it lists no key that can be used")
        return found
