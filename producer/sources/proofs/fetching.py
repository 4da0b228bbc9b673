"""Getting the keys of an issuer: one GET, without redirects, bounded in time and size."""

import ssl

import aiohttp

from portcall.producer.sources.proofs.issuers import KeysUnavailableError

TIMEOUT_S = 3.0
MAX_BYTES = 256 * 1024
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}
"""A compressed answer would make its size and its cost differ."""


class Fetcher:
    """Gets addresses of issuers.

    Args:
        trust: The TLS context, with the authorities to trust.
    """

    def __init__(self, trust: ssl.SSLContext) -> None:
        self._trust = trust

    async def fetch(self, address: str) -> bytes:
        """The body at *address*.

        Raises:
            KeysUnavailableError: It does not answer 200 with at most `MAX_BYTES` in `TIMEOUT_S`.
        """
        try:
            async with (
                self._client() as client,
                client.get(address, allow_redirects=False) as answer,
            ):
                if answer.status != 200:
                    raise KeysUnavailableError(f"{address} answered {answer.status}")
                return await _bounded(address, answer)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            problem = f"{address}: {type(error).__name__} {error}".rstrip()
            raise KeysUnavailableError(problem) from error

    def _client(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            connector=aiohttp.TCPConnector(ssl=self._trust, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers=_HEADERS,
        )


async def _bounded(address: str, answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MAX_BYTES:
            raise KeysUnavailableError(f"{address} sent more than {MAX_BYTES} bytes")
    return bytes(body)
