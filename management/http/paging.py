"""Pages: ``$top``, the opaque ``$skipToken``, and the absolute ``nextLink``.

The clients decode and encode the values of a nextLink again: a token is URL-safe base64, which that
does not change. It names its list, so that another list's token is refused.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote

from portcall.management.http.calls import Call
from portcall.management.http.errors import invalid_parameter

TOP = "$top"
SKIP_TOKEN = "$skipToken"  # noqa: S105 (ARM's name of a parameter)


class PageSize(NamedTuple):
    """How many items a page of a list has.

    Attributes:
        default: Without ``$top``.
        maximum: The greatest ``$top``.
    """

    default: int
    maximum: int


REGISTRIES_PAGE = PageSize(1000, 1000)
SUBSCRIPTIONS_PAGE = PageSize(1000, 1000)
WEBHOOKS_PAGE = PageSize(100, 1000)
EVENTS_PAGE = PageSize(100, 500)
"""Of listEvents."""
REPLAYS_PAGE = PageSize(100, 500)
LETTERS_PAGE = PageSize(100, 1000)
TAGS_PAGE = PageSize(1000, 1000)
"""Of known tags."""

_KEPT = ("api-version", TOP, "$expand", "$filter")
_DIGITS = re.compile(r"\d{1,18}", re.ASCII)


def page_size(call: Call, size: PageSize) -> int:
    """The number of items that the caller wants on a page.

    Raises:
        ArmError: 400: ``$top`` is not a whole number from 1 to the maximum.
    """
    text = call.parameter(TOP)
    if text is None:
        return size.default
    if not _DIGITS.fullmatch(text) or not 1 <= int(text) <= size.maximum:
        raise invalid_parameter(TOP, f"must be a whole number from 1 to {size.maximum}")
    return int(text)


def skip_token(call: Call, kind: str) -> str:
    """Where the page begins: the *after* of `next_link`; empty for the first page.

    Raises:
        ArmError: 400: The token is not one of this list.
    """
    token = call.parameter(SKIP_TOKEN)
    if token is None:
        return ""
    try:
        padded = token + "=" * (-len(token) % 4)
        text = base64.b64decode(padded, b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise _bad_token() from error
    found, colon, after = text.partition(":")
    if found != kind or not colon or not after or not after.isprintable():
        raise _bad_token()
    return after


def skip_number(call: Call, kind: str) -> int | None:
    """The same for lists that are divided by number; None for the first page.

    Raises:
        ArmError: 400: The token is not one of this list.
    """
    after = skip_token(call, kind)
    if not after:
        return None
    if not _DIGITS.fullmatch(after):
        raise _bad_token()
    return int(after)


def next_link(call: Call, kind: str, after: str | int, filters: Sequence[str] = ()) -> str:
    """The absolute URL of the page that begins after *after*, for a GET.

    Args:
        call: The call for a page.
        kind: The name of its list.
        after: Where the next page begins.
        filters: Parameters that it keeps, in addition to those of every list.
    """
    token = base64.urlsafe_b64encode(f"{kind}:{after}".encode()).decode("ascii").rstrip("=")
    parameters = [
        (name, value) for name in (*_KEPT, *filters) if (value := call.parameter(name)) is not None
    ]
    parameters.append((SKIP_TOKEN, token))
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters)
    return f"{call.origin}{call.request.rel_url.raw_path}?{query}"


def _bad_token() -> Exception:
    return invalid_parameter(SKIP_TOKEN, "is not a token of this list")
