"""Checks before a request is sent: an error names the option of the command."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from portcall.schemas.errors import InvalidValueError

Value = TypeVar("Value")


def ruled(check: Callable[[], Value]) -> Value:
    """What *check* gives.

    Raises:
        InvalidValueError: A rule is broken; ``field`` is the option, e.g. ``--options host``.
    """
    try:
        return check()
    except InvalidValueError as error:
        raise InvalidValueError(_option(error.field), error.problem) from error


def listed(words: Sequence[str] | None) -> list[str] | None:
    """Items that were given one by one, or with commas; a single empty word is an empty list."""
    if words is None:
        return None
    return [item.strip() for word in words for item in word.split(",") if item.strip()]


def _option(field: str) -> str:
    """The option of the command for a field of the API."""
    name, dot, rest = field.partition(".")
    if name == "name":
        return "NAME"
    return f"--{name} {rest}" if dot else f"--{name}"
