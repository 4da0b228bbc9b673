"""Versions of RabbitMQ: what each means for Portcall, and which one can read another's data.

Source: RabbitMQ's "Upgrading RabbitMQ", and our own runs of 3.10.8, 4.0.5 and 4.3.6.
"""

import re
from typing import NamedTuple

GUIDE = "docs/upgrades.md"
_NUMBERS = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?")


class Version(NamedTuple):
    """A version of RabbitMQ, for example 4.3.6."""

    major: int
    minor: int
    patch: int = 0

    @property
    def series(self) -> tuple[int, int]:
        """The first two numbers: within a series the data have the same form."""
        return self.major, self.minor

    def __str__(self) -> str:
        """Return it as RabbitMQ writes it."""
        return f"{self.major}.{self.minor}.{self.patch}"


OLDEST, NEWEST = Version(3, 10), Version(4, 3)
"""The oldest and the newest series that the tests run on."""
_LAST_3 = Version(3, 13)
"""The only series whose data 4.x takes over, and only with all feature flags enabled."""


def parsed(text: str) -> Version | None:
    """The version that *text* begins with; None: it begins with no version."""
    found = _NUMBERS.match(text)
    return None if found is None else Version(*(int(number or 0) for number in found.groups()))


def meaning(version: Version) -> str:
    """What this version means for an installation, in a few words."""
    if version.series < OLDEST.series:
        return f"older than {OLDEST.major}.{OLDEST.minor}, the oldest that is tested"
    if version.series == _LAST_3.series:
        return f"works; 4.x takes over its data if all feature flags are enabled: {GUIDE}"
    if version.series > NEWEST.series:
        return f"newer than {NEWEST.major}.{NEWEST.minor}, the newest that is tested"
    if version.major <= _LAST_3.major:
        return f"works; 4.x does not read its data, {GUIDE} has the way there"
    if version.series == NEWEST.series:
        return "the newest that is tested"
    return f"works; {NEWEST.major}.{NEWEST.minor} takes over its data when it starts"


def refusal(installed: Version, data: Version, folder: str) -> str | None:
    """Why *installed* must not start on the data that *data* wrote in *folder*; None: it may.

    A patch release back is allowed: the form of the data is the series'.
    """
    wrote = f"RabbitMQ {data} wrote the data in {folder}"
    if installed.series < data.series:
        return (
            f"{wrote}, and RabbitMQ {installed} is installed. An older one cannot read them and"
            " damages them, so it was not started. Install"
            f" RabbitMQ {data.major}.{data.minor} or newer; {GUIDE} has the other ways"
        )
    if data.series < _LAST_3.series and installed.major > data.major:
        return (
            f"{wrote}, and RabbitMQ {installed} is installed, which cannot read data from before"
            f" {_LAST_3.major}.{_LAST_3.minor}. It was not started, and nothing was changed. Start"
            f" once more with RabbitMQ {data.major}.{data.minor}, run `portcall drain`, stop, move"
            f" {folder} away, and start with the new one: {GUIDE} has each step"
        )
    return None
