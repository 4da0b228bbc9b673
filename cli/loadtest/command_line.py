"""Command lines for reports: without secrets, values of headers, and passwords in URIs."""

import re
import shlex
from collections.abc import Sequence

STARS = "***"
_SECRET = {"--secret", "--header", "-H"}
_USER = re.compile(r"//[^/@\s]+@")
"""The name and the password in a URI."""


def typed(words: Sequence[str]) -> str:
    """Return the command line with these arguments, without what must not be in a report."""
    shown, secret = ["portcall"], False
    for word in words:
        name, equals, _ = word.partition("=")
        if secret:
            shown.append(STARS)
        elif name in _SECRET and equals:
            shown.append(f"{name}={STARS}")
        elif word.startswith("-H") and word != "-H":
            shown.append(f"-H{STARS}")
        else:
            shown.append(_USER.sub(f"//{STARS}@", word))
        secret = word in _SECRET
    return shlex.join(shown).replace(f"'{STARS}'", STARS)


def hidden(option: str, value: str) -> str:
    """Return the value of an option without what must not be in a report; a header has its name."""
    if option == "--header":
        return f"{value.partition('=')[0]}={STARS}"
    return STARS if option in _SECRET else _USER.sub(f"//{STARS}@", value)
