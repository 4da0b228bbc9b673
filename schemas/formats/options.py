"""The settings of formats, and the checks of their values."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.formats.facts import Options

MAX_URI = 1_024
_URI = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'*+(),;=%-]+", re.ASCII)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DNS_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)

Check = Callable[[str, Options], object]
"""Raises `InvalidValueError` without a field if a value breaks a rule; it sees the others, too."""


@dataclass(frozen=True, slots=True)
class Option:
    """A setting of a format.

    Attributes:
        name: Its name.
        says: What it is, for people.
        check: The rule of its values.
        required: Whether it must be given.
    """

    name: str
    says: str
    check: Check
    required: bool = False


def one_of(*words: str) -> Check:
    """A check for one of *words*."""

    def check(value: str, _: Options) -> None:
        if value not in words:
            raise InvalidValueError("", f"must be {' or '.join(words)}")

    return check


def check_uri(value: str, _: Options) -> None:
    """Check a URI, or a reference to one."""
    if len(value) > MAX_URI or not _URI.fullmatch(value):
        raise InvalidValueError("", f"must be a URI of up to {MAX_URI:,} ASCII characters")


def check_dns_name(value: str, _: Options) -> None:
    """Check a DNS name."""
    if len(value) > 253 or not _DNS_NAME.fullmatch(value):
        raise InvalidValueError("", "must be a DNS name, as in portcall.example.com")
