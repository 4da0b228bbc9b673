"""Getting the keys of an issuer: one GET, without redirects, bounded in time and size."""

import aiohttp

from portcall.producer.sources.proofs.tokens import KeysUnavailableError

TIMEOUT_S = 3.0
MAX_BYTES = 256 * 1024


async def fetch(address: str) -> bytes:
    """The body at *address*.

    Raises:
        KeysUnavailableError: It does not answer 200 with at most `MAX_BYTES` in `TIMEOUT_S`.
    """
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as client,
            client.get(address, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise KeysUnavailableError(f"{address} answered {answer.status}")
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise KeysUnavailableError(f"{address} sent more than {MAX_BYTES} bytes")
            return bytes(body)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise KeysUnavailableError(f"{address}: {type(error).__name__} {error}".rstrip()) from error
