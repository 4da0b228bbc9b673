"""What a producer's answer says when it accepts nothing, for the commands that publish events."""

import msgspec

from portcall.cli.errors import NotFoundError, ServiceError

MAX_WAIT_S = 30.0
"""The longest Retry-After of a producer that is respected."""


def retry_after_s(value: str | None) -> float:
    """Return how long the producer asks to wait; by default a second."""
    seconds = int(value) if value is not None and value.isascii() and value.isdecimal() else 1
    return min(float(seconds), MAX_WAIT_S)


def refusal_of(status: int, body: bytes) -> ServiceError:
    """Return the producer's own message in an answer that accepts nothing."""
    try:
        error = msgspec.json.decode(body)["error"]
        code, message = str(error["code"]), str(error["message"])
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
        code, message = "", f"the producer answered {status}"
    kind = NotFoundError if status == 404 else ServiceError
    return kind(f"({code}) {message}" if code else message, status=status, code=code)
