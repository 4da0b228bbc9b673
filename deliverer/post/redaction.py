"""Echoes: an endpoint may answer with what it was sent, and records show its answers.

So the secrets of a webhook are masked in what comes back, before there is a record: the values of
its headers, the user info, the signing secrets, each also as it stands in JSON, in base64 and in a
URI. What is shorter than `MIN_LENGTH` is left: it would mask words that are nobody's secret.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import msgspec

from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.response_head import MAX_HEADER_CHARACTERS
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
    """A header's value, and its parts: ``Bearer x`` is about x, ``Basic`` about a password."""
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
    """The attempt, with *secrets* masked in what the endpoint said; 1 us where there are none."""
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
        text: As the endpoint said it, and cut.
        secrets: The longest first.
        limit: Where it was cut; what is shorter was not.
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
