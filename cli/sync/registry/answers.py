"""One answer of a registry, and what its headers say."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

from portcall.cli.sync.registry.errors import RegistryError

MAX_WAIT_S = 300.0
"""The longest Retry-After that is respected; then the registry is asked again."""
_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_NEXT = re.compile(r";\s*rel\s*=\s*\"?next\"?(?=\s*(?:[;,]|$))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer.

    Attributes:
        url: What was asked.
        status: The HTTP status.
        headers: With names in lower case; the first value of each.
        challenges: The WWW-Authenticate headers.
        body: The body; empty for a HEAD.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    challenges: tuple[str, ...] = field(default=(), repr=False)

    @property
    def document(self) -> object:
        """The body as JSON; None if it is none."""
        try:
            found: object = json.loads(self.body) if self.body else None
        except (ValueError, RecursionError):
            return None
        return found

    @property
    def codes(self) -> frozenset[str]:
        """The error codes in the body, as registries write them."""
        document = self.document
        errors = document.get("errors") if isinstance(document, dict) else None
        each = errors if isinstance(errors, list) else []
        return frozenset(str(one.get("code")) for one in each if isinstance(one, dict))

    def next_target(self) -> str | None:
        """The path and the query of the next page; None: this is the last one.

        The link's host is left out: credentials go to the registry's own address only.
        """
        for link in _LINK.finditer(self.headers.get("link", "")):
            if _NEXT.search(link[2]):
                try:
                    parts = urlsplit(urljoin(self.url, link[1]))
                except ValueError:
                    problem = f"{self.url}: its link to the next page is no URL"
                    raise RegistryError(problem) from None
                return f"{parts.path}?{parts.query}" if parts.query else parts.path
        return None


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """The seconds that a Retry-After asks for, up to `MAX_WAIT_S`; None: nothing usable."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return min(float(text), MAX_WAIT_S)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return min(max(0.0, (when - now).total_seconds()), MAX_WAIT_S)
