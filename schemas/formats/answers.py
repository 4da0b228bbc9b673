"""Answers: of some formats, a 2xx alone does not show that a message was taken, or others may come.

Source: Slack's and Mattermost's references of incoming webhooks (``ok``); Microsoft's "Create
incoming webhooks" (an error of Teams came with the status 200); Discord's "Execute Webhook" and
"Rate Limits"; Google Chat's reference of ``spaces.messages.create``.
"""

import math
from collections.abc import Callable, Mapping

import msgspec

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
"""Reads an object, and not what is in it."""

Judge = Callable[[int, str], str]
"""What is wrong with a 2xx answer, of its status and content; empty: it is a success."""

Pacing = Callable[[int, Mapping[str, str], str], int]
"""How long an answer asks for no other POST, milliseconds, beside what its ``Retry-After`` says; of
its status, headers and content. 0: it does not."""

MAX_ASKED_MS = 24 * 3_600_000
"""The longest pause that an answer may ask for, in these words or by ``Retry-After``."""
OK, TOO_MANY = 200, 429
_MAX_SHOWN = 200


def any_success(status: int, content: str) -> str:
    """Any 2xx."""
    del status, content
    return ""


def says_ok(status: int, content: str) -> str:
    """The content is ``ok``, or there is none."""
    said = content.strip()
    if said.lower() in ("", "ok"):
        return ""
    return f"the endpoint answered {status}, but not with 'ok': {_shown(said)}"


def says_taken(status: int, content: str) -> str:
    """Teams' workflows answer 202. Its connectors answered 200: with ``1``, or with an error.

    A page for signing in comes with 200, too.
    """
    said = content.strip()
    if status != OK or said in ("", "1"):
        return ""
    return (
        "the endpoint answered 200, but not as Teams does for a message that it took"
        f" (202; or 200 with no content or with 1): {_shown(said)}"
    )


def says_discord_message(status: int, content: str) -> str:
    """Discord answers 204; with ``?wait=true`` it answers 200 with the message."""
    return _no_message(status, content, "id", "Discord")


def says_google_message(status: int, content: str) -> str:
    """Google Chat answers 200 with the message, or with a part of it."""
    return _no_message(status, content, "name", "Google Chat")


def _no_message(status: int, content: str, field: str, chat: str) -> str:
    """What is wrong with a 200 whose content should be a message, an object with *field*, or empty.

    A content that was cut, as a long message's is, is no JSON: then its first character decides.
    """
    said = content.strip()
    if status != OK or not said:
        return ""
    try:
        found = _decode(said)
    except (msgspec.DecodeError, UnicodeError):
        is_message = said.startswith("{")
    else:
        is_message = field in found
    if is_message:
        return ""
    return (
        f"the endpoint answered 200, but not as {chat} does (with a message that has {field!r}, or"
        f" with no content): {_shown(said)}"
    )


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
    said = " ".join(content.split())
    return said if len(said) <= _MAX_SHOWN else f"{said[:_MAX_SHOWN]}..."
