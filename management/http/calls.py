"""One request as a handler sees it: names from the path, query parameters, a bounded body."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel

from portcall.management.http.access import Principal
from portcall.management.http.bodies import parse_body
from portcall.management.http.errors import INVALID_CONTENT, ArmError, invalid_parameter

MAX_BODY_BYTES = 1024 * 1024
BODY_TIMEOUT_S = 4.0
"""A body that is incomplete after this time is refused: bad requests get an answer within 5 s."""

_API_VERSION = re.compile(r"(\d{4}-\d\d-\d\d)(-preview)?", re.ASCII | re.IGNORECASE)
_JSON = re.compile(r"(application|text)/([a-z0-9.-]+\+)?json", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}", re.ASCII)

encode = msgspec.json.Encoder().encode
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request for an existing route.

    Attributes:
        request: aiohttp's.
        names: The values of the names in the route's path, decoded, in their case.
        principal: The caller.
        content: The body, if a page of the console calls the API; None: the request's body.
    """

    request: web.Request
    names: Mapping[str, str]
    principal: Principal
    content: bytes | None = None

    def parameter(self, name: str) -> str | None:
        """A query parameter; its name has no case, and the first value counts."""
        for key, value in self.request.query.items():
            if key.lower() == name.lower():
                return value
        return None

    def check_api_version(self) -> None:
        """Refuse a call without an api-version.

        Raises:
            ArmError: 400: As for `check_api_version`.
        """
        check_api_version(self.parameter("api-version"))

    @property
    def origin(self) -> str:
        """The scheme and the authority that the client used for this server.

        Raises:
            ArmError: 400: The Host header is invalid.
        """
        host = self.request.host
        if not _HOST.fullmatch(host):
            raise ArmError(400, "InvalidHostHeader", "Host: is not a host name", target="Host")
        return f"{self.request.scheme}://{host}"

    @property
    def named_origin(self) -> str:
        """The same for clients without a token, who must name a host: aiohttp would use its own.

        Raises:
            ArmError: 400: The Host header is missing or invalid.
        """
        if not self.request.headers.get("Host"):
            raise ArmError(400, "InvalidHostHeader", "Host: is missing", target="Host")
        return self.origin

    async def body(
        self, model: type[Model], *, max_bytes: int = MAX_BODY_BYTES, optional: bool = False
    ) -> Model:
        """The body as *model*, read to its end within `BODY_TIMEOUT_S`.

        Args:
            model: The model.
            max_bytes: The maximum length.
            optional: Whether a missing body counts as an empty object.

        Raises:
            ArmError: 400, 408, 413, 415: It cannot be read, or breaks a rule of the model.
        """
        if self.content is not None:
            return parse_body(model, self.content or b"{}" if optional else self.content)
        content = await read_body(self.request, max_bytes)
        if content and not _JSON.fullmatch(self.request.content_type):
            raise ArmError(
                415,
                "UnsupportedMediaType",
                f"Content-Type: '{self.request.content_type[:64]}' is not supported;"
                " send application/json",
                target="Content-Type",
            )
        return parse_body(model, content or b"{}" if optional else content)


async def read_body(request: web.Request, max_bytes: int) -> bytes:
    """A request's body, read to its end within `BODY_TIMEOUT_S`.

    Raises:
        ArmError: 400, 408, 413: It cannot be read.
    """
    if (request.content_length or 0) > max_bytes:
        raise _too_large(max_bytes)
    content = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.content.iter_any():
                content += chunk
                if len(content) > max_bytes:
                    raise _too_large(max_bytes)
    except TimeoutError as error:
        raise ArmError(
            408, "RequestTimeout", f"body: was not complete within {BODY_TIMEOUT_S:g} s"
        ) from error
    except (web.RequestPayloadError, HttpProcessingError, ConnectionError) as error:
        raise ArmError(400, INVALID_CONTENT, f"body: cannot be read: {error}") from error
    return bytes(content)


def _too_large(max_bytes: int) -> ArmError:
    return ArmError(
        413,
        "RequestEntityTooLarge",
        f"body: is larger than {max_bytes} bytes",
        target="body",
    )


def check_api_version(text: str | None) -> None:
    """Check an api-version; every dated one is accepted, as the model never changed.

    Raises:
        ArmError: 400: It is missing, or not a date with or without ``-preview``.
    """
    if not text:
        raise ArmError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
            target="api-version",
        )
    match = _API_VERSION.fullmatch(text)
    if match is None or not _is_date(match[1]):
        raise ArmError(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{text[:32]}' is invalid. Write YYYY-MM-DD or YYYY-MM-DD-preview.",
            target="api-version",
        )


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def flag(call: Call, name: str, value: str) -> bool:
    """Whether the query parameter *name* is given; its only valid value is *value*.

    Raises:
        ArmError: 400: It has another value.
    """
    given = call.parameter(name)
    if given is None:
        return False
    if given.lower() != value.lower():
        raise invalid_parameter(name, f"'{given[:64]}' is not known; allowed is {value}")
    return True


def is_asked(call: Call, name: str) -> bool:
    """Whether the boolean query parameter *name* is true; left out, it is false.

    Raises:
        ArmError: 400: It is neither true nor false.
    """
    text = call.parameter(name)
    if text is None:
        return False
    if text not in {"true", "false"}:
        raise invalid_parameter(name, "must be true or false")
    return text == "true"


def answer(content: object, status: int = 200) -> web.Response:
    """An answer with a JSON body."""
    return web.Response(
        body=encode(content), status=status, content_type="application/json", charset="utf-8"
    )
