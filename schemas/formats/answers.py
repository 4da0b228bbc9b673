"""Answers: of some formats, a 2xx alone does not show that a message was taken, or others may come.

Source: Slack's and Mattermost's references of incoming webhooks (``ok``); Microsoft's "Create
incoming webhooks" (an error of Teams came with the status 200); Discord's "Rate Limits".
"""

import math
from collections.abc import Callable, Mapping

import msgspec

Judge = Callable[[int, str], str]
"""What is wrong with a 2xx answer, of its status and content; empty: it is a success."""

Pacing = Callable[[int, Mapping[str, str], str], int]
"""How long an answer asks for no other POST, milliseconds, beside what its ``Retry-After`` says; of
its status, headers and content. 0: it does not."""

MAX_ASKED_MS = 24 * 3_600_000
"""The longest pause that an answer may ask for, in these words or by ``Retry-After``."""
TOO_MANY = 429
_MAX_SHOWN = 80


def any_success(status: int, content: str) -> str:
    """Any 2xx."""
    del status, content
    return ""


def says_ok(status: int, content: str) -> str:
    """The content is ``ok``, or there is none."""
    said = content.strip()
    if said.lower() in ("", "ok"):
        return ""
    return f"the endpoint answered {status}, but not ok: {_shown(said)}"


def says_no_error(status: int, content: str) -> str:
    """Teams answered 202; with 200, an error may be in the content."""
    if status == 200 and "error" in content.lower():
        return f"the endpoint answered 200 with an error: {_shown(content)}"
    return ""


def asks_nothing(status: int, headers: Mapping[str, str], content: str) -> int:
    """Only what HTTP has for it."""
    del status, headers, content
    return 0


def asks_as_discord(status: int, headers: Mapping[str, str], content: str) -> int:
    """The rest of a window whose POSTs are used up; after a 429 also what the content says.

    ``Retry-After`` has whole seconds; these have fractions. Of a 429 for all of Discord
    (``X-RateLimit-Global``), the headers say nothing of the window.
    """
    said = {name.lower(): value.strip() for name, value in headers.items()}
    asked_ms = 0
    if said.get("x-ratelimit-remaining") == "0":
        asked_ms = _milliseconds(said.get("x-ratelimit-reset-after"))
    return max(asked_ms, _milliseconds(_retry_after(content))) if status == TOO_MANY else asked_ms


def _retry_after(content: str) -> object:
    try:
        return msgspec.json.decode(content, type=dict[str, object]).get("retry_after")
    except (msgspec.DecodeError, UnicodeError):
        return None


def _milliseconds(seconds: object) -> int:
    """Seconds as a number or a text, rounded up; 0 for anything else."""
    if isinstance(seconds, bool) or not isinstance(seconds, str | int | float):
        return 0
    try:
        asked_ms = float(seconds) * 1000
    except (ValueError, OverflowError):
        return 0
    return math.ceil(min(asked_ms, MAX_ASKED_MS)) if asked_ms > 0 else 0


def _shown(content: str) -> str:
    return " ".join(content.split())[:_MAX_SHOWN]
