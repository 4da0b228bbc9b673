"""A client of one registry: authentication, retries and bounds, for every request to it.

Redirects are not followed: credentials go to the registry's own address, and to the token server
that the registry names.
"""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from portcall.cli.errors import UsageError
from portcall.cli.sync.registry.answers import Answer, retry_after_s
from portcall.cli.sync.registry.catalogue import MAX_BODY
from portcall.cli.sync.registry.challenges import Challenge, parse_challenges
from portcall.cli.sync.registry.credentials import Credentials
from portcall.cli.sync.registry.errors import RegistryError
from portcall.cli.sync.registry.tokens import Tokens

TRIES = 6
FIRST_PAUSE_S = 0.5
TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=30)
USER_AGENT = "portcall-sync"
MAX_TOKEN_BODY = 1024 * 1024
"""Of a token server's answer."""
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class RegistryClient:
    """Asks one registry.

    Args:
        address: Its address, http or https, perhaps with a path; no slash at the end.
        http: Sends the requests; it must not keep cookies.
        credentials: Who asks.
        tls: For https.
        concurrency: How many requests may be in flight.
        pause: Waits for so many seconds.
        jitter: A number from 0 to 1, to spread repeated requests.
    """

    def __init__(
        self,
        address: str,
        http: aiohttp.ClientSession,
        credentials: Credentials,
        *,
        tls: ssl.SSLContext,
        concurrency: int = 8,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        parts = urlsplit(address)
        self.host = parts.netloc
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._prefix = parts.path.rstrip("/")
        self._http = http
        self._credentials = credentials
        self._tls = tls
        self._slots = asyncio.Semaphore(concurrency)
        self._pause = pause
        self._jitter = jitter
        self._is_basic = False
        self._tokens = Tokens(
            self._exchange,
            credentials,
            is_secure=parts.scheme == "https",
            clock=asyncio.get_running_loop().time,
        )

    def prefer_basic(self) -> None:
        """Send the user and the password at once: for an API that does not ask for them."""
        self._is_basic = True

    def target(self, path: str) -> str:
        """The target of a path below the registry's address."""
        return self._prefix + path

    async def ask(
        self,
        method: str,
        target: str,
        scope: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        max_body: int = MAX_BODY,
    ) -> Answer:
        """Send a request, authenticate where asked, and repeat it while the registry is busy.

        Args:
            method: GET or HEAD.
            target: The path and the query, percent-encoded.
            scope: What a token must allow, e.g. ``repository:team/app:pull``.
            headers: Further headers.
            max_body: The greatest body, in bytes.

        Raises:
            RegistryError: There is no answer, or a busy one each time, or a 401, or a redirect; or
                its body is too large.
        """
        async with self._slots:
            url = self._origin + target
            sent = dict(headers or {})
            if value := await self._authorization(scope):
                sent["Authorization"] = value
            answer = await self._patiently(method, url, sent, None, max_body)
            if answer.status == 401:
                value = await self._answer_challenge(answer, scope)
                sent["Authorization"] = value
                answer = await self._patiently(method, url, sent, None, max_body)
        if answer.status == 401:
            raise RegistryError(f"{url} refuses these credentials (401)", status=401)
        if 300 <= answer.status < 400:
            host = urlsplit(answer.headers.get("location", "")).netloc
            raise RegistryError(
                f"{url} redirects to {host or 'another path'}: give the address that answers",
                status=answer.status,
            )
        return answer

    async def _authorization(self, scope: str) -> str:
        if self._is_basic:
            return self._credentials.basic
        token = await self._tokens.known(scope) if scope else None
        return f"Bearer {token}" if token else ""

    async def _answer_challenge(self, answer: Answer, scope: str) -> str:
        """The Authorization for the second try.

        Raises:
            RegistryError: There are no credentials, or no scheme that is known.
        """
        challenges = parse_challenges(answer.challenges)
        for challenge in challenges:
            if challenge.scheme == "bearer":
                return f"Bearer {await self._tokens.answer(challenge, scope)}"
        if any(challenge.scheme == "basic" for challenge in challenges) or self._is_basic:
            return self._basic(answer)
        raise RegistryError(self._unknown(answer, challenges), status=401)

    def _basic(self, answer: Answer) -> str:
        if not self._credentials.basic or self._is_basic:
            refused = "refuses these credentials" if self._credentials else "wants credentials"
            raise RegistryError(f"{answer.url} {refused} (401)", status=401)
        self._is_basic = True
        return self._credentials.basic

    def _unknown(self, answer: Answer, challenges: list[Challenge]) -> str:
        schemes = ", ".join(each.scheme[:32] for each in challenges) or "nothing"
        return f"{answer.url} answered 401 and asks for {schemes}: only Basic and Bearer are known"

    async def _exchange(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None
    ) -> Answer:
        return await self._patiently(method, url, headers, body, MAX_TOKEN_BODY)

    async def _patiently(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, max_body: int
    ) -> Answer:
        """Send a request until there is an answer that is not "later", with growing pauses."""
        for attempt in range(1, TRIES + 1):
            waits_s = FIRST_PAUSE_S * 2 ** (attempt - 1) * (1 + self._jitter())
            try:
                answer = await self._once(method, url, headers, body, max_body)
            except (
                aiohttp.ClientConnectionError,
                aiohttp.ClientPayloadError,
                TimeoutError,
            ) as error:
                if attempt == TRIES or isinstance(error, aiohttp.ClientConnectorCertificateError):
                    raise RegistryError(_unanswered(url, error)) from error
            except (aiohttp.ClientError, ValueError) as error:
                raise RegistryError(_unanswered(url, error)) from error
            else:
                if answer.status not in _AGAIN:
                    return answer
                if attempt == TRIES:
                    raise RegistryError(
                        f"{_bare(url)} answered {answer.status}, {TRIES} times",
                        status=answer.status,
                    )
                asked_s = retry_after_s(answer.headers.get("retry-after"), datetime.now(UTC))
                waits_s = waits_s if asked_s is None else asked_s
            await self._pause(waits_s)
        raise AssertionError("the last try returns or raises")

    async def _once(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, max_body: int
    ) -> Answer:
        async with self._http.request(
            method,
            URL(url, encoded=True),
            headers={"User-Agent": USER_AGENT, **headers},
            data=body,
            ssl=self._tls,
            allow_redirects=False,
            timeout=TIMEOUT,
        ) as response:
            content = bytearray()
            async for chunk in response.content.iter_chunked(65536):
                content += chunk
                if len(content) > max_body:
                    raise RegistryError(
                        f"{_bare(url)}: the answer is larger than {max_body} bytes",
                        status=response.status,
                    )
            names = {name.lower(): response.headers[name] for name in response.headers}
            names["link"] = ", ".join(response.headers.getall("Link", []))
            challenges = tuple(response.headers.getall("WWW-Authenticate", []))
            return Answer(url, response.status, names, bytes(content), challenges)


def check_address(address: str) -> str:
    """Check a registry's address and return it without a slash at the end.

    Raises:
        UsageError: It is not http or https with a host, or has more than a path.
    """
    text = address if "://" in address else f"https://{address}"
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 (reading it checks it)
    except ValueError:
        parts = urlsplit("")
    plain = not (parts.query or parts.fragment) and "@" not in parts.netloc
    visible = text.isascii() and text.isprintable() and " " not in text
    if parts.scheme not in {"http", "https"} or not parts.hostname or not plain or not visible:
        raise UsageError(
            "--from: is not the address of a registry: write it as https://registry.example.com,"
            " without a user, a password or a query"
        )
    return text.rstrip("/")


def is_exposed(address: str) -> bool:
    """Whether credentials to this address would cross a network without TLS."""
    parts = urlsplit(address)
    return parts.scheme == "http" and parts.hostname not in _LOOPBACK


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """The usual authorities, and those of a file.

    Raises:
        UsageError: The file cannot be read, or has no certificate.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            reason = error.strerror or error
            raise UsageError(f"--ca {ca_file}: has no CA certificate in PEM ({reason})") from error
    return context


def _bare(url: str) -> str:
    """A URL for messages: without its query, which may be long."""
    return url.partition("?")[0]


def _unanswered(url: str, error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        host = urlsplit(url).netloc
        return f"the certificate of {host} is not trusted: name its authority with --ca FILE"
    reason = str(error) or type(error).__name__
    return f"{_bare(url)} does not answer: {reason}"
