"""Redaction: an endpoint may echo the request, and records show its answers.

So the secrets of a webhook are masked in the answer before a record is made: the values of its
headers, the user info and the signing secrets, each also in its JSON, base64 and URI form. Texts
shorter than `MIN_LENGTH` are left: masking them would hide ordinary words.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import msgspec

from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.response import MAX_HEADER_CHARACTERS
from portcall.schemas.records import MAX_RESPONSE_CHARACTERS, Answer, Masking
from portcall.schemas.webhooks import MASK, Webhook

MIN_LENGTH = 6


def secrets_of(webhook: Webhook, masking: Masking = Masking.SECRETS) -> tuple[str, ...]:
    """The texts that must not be in a record of this webhook, the longest first."""
    found: set[str] = set()
    for name, value in webhook.headers.items():
        if masking.covers(name):
            found.update(_spoken(value))
    for secret in (webhook.secret, webhook.old_secret):
        found.update((secret, secret.partition("_")[2]))
    written = {form for text in found if len(text) >= MIN_LENGTH for form in _written(text)}
    return tuple(sorted(written, key=_longest_first))


def _longest_first(text: str) -> tuple[int, str]:
    return -len(text), text


def _spoken(value: str) -> Iterator[str]:
    """A header's value, and its secret parts, as of ``Bearer`` and ``Basic``."""
    yield value
    scheme, _, rest = value.partition(" ")
    if not rest or not scheme.isalpha():
        return
    yield rest.strip()
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(rest, validate=True).decode()
        except (binascii.Error, ValueError):
            return
        yield pair
        yield pair.partition(":")[2]


def _written(text: str) -> Iterator[str]:
    yield text
    yield json.dumps(text)[1:-1]
    yield quote(text, safe="")
    yield base64.b64encode(text.encode()).decode("ascii").rstrip("=")


def redacted(attempt: Attempt, secrets: Sequence[str]) -> Attempt:
    """The attempt with *secrets* masked in the endpoint's answer; 1 us if there are none."""
    answer = attempt.answer
    if answer is None:
        return attempt
    content = _masked(answer.content, secrets, MAX_RESPONSE_CHARACTERS)
    reason = _masked(answer.reason, secrets, MAX_HEADER_CHARACTERS)
    headers = answer.headers
    heard = "\n".join([*headers, *headers.values()])
    if any(secret in heard for secret in secrets) or len(heard) >= MAX_HEADER_CHARACTERS:
        headers = {
            _masked(name, secrets, 0): _masked(value, secrets, MAX_HEADER_CHARACTERS)
            for name, value in headers.items()
        }
    if content is answer.content and reason is answer.reason and headers is answer.headers:
        return attempt
    told = Answer(answer.status, reason, headers, content, answer.version)
    return msgspec.structs.replace(attempt, answer=told)


def _masked(text: str, secrets: Sequence[str], limit: int) -> str:
    """*text* with the secrets masked, also one of which only the beginning is left.

    Args:
        text: The endpoint's text, cut.
        secrets: The longest first.
        limit: Where it was cut; a shorter text was not.
    """
    is_cut = limit > 0 and len(text) >= limit
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, MASK)
    return _without_beginning(text, secrets) if is_cut else text


def _without_beginning(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        for length in range(min(len(secret) - 1, len(text)), 3, -1):
            if text.endswith(secret[:length]):
                return text[:-length] + MASK
    return text
