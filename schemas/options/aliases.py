"""Aliases: other names for the repositories that a registry sends.

Registries and mirrors name one repository differently: Docker Hub's ``nginx`` is ``library/nginx``
to its clients, and a mirror or a virtual repository has a prefix of its own. An event has the name
as it was sent, unless the source has an alias for it:

======================  ==============================================================
alias                   meaning
======================  ==============================================================
``old/app=team/app``    this repository has that name
``hub/library/=``       what begins so has another beginning, here none
``=library/``           a name without a slash gets this in front
======================  ==============================================================
"""

from functools import lru_cache

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.scopes import check_repository

MAX_ALIASES = 50
_MAX_SHOWN = 64

Aliases = tuple[tuple[str, str], ...]
"""What is sent, and the name for it; in order, the first that fits counts."""


@lru_cache(maxsize=1_000)
def read_aliases(value: str) -> Aliases:
    """The aliases in an option's value, with commas between them; empty: there are none.

    Raises:
        InvalidValueError: One is no alias, or there are too many.
    """
    written = [each.strip() for each in value.split(",") if each.strip()]
    if len(written) > MAX_ALIASES:
        raise InvalidValueError("", f"has more than {MAX_ALIASES} aliases")
    return tuple(_alias(each) for each in written)


def check_aliases(value: str) -> None:
    """Check the value of the option.

    Raises:
        InvalidValueError: As for `read_aliases`, or it has none.
    """
    if not read_aliases(value):
        raise InvalidValueError("", "must be aliases with commas between them, such as =library/")


def renamed(repository: str, aliases: Aliases) -> str:
    """The name for a repository: that of the first alias that fits, or the sent one."""
    for sent, name in aliases:
        if not sent and "/" not in repository:
            return name + repository
        if sent == repository and not sent.endswith("/"):
            return name
        if sent.endswith("/") and repository.startswith(sent):
            return name + repository.removeprefix(sent)
    return repository


def _alias(written: str) -> tuple[str, str]:
    sent, equals, name = (part.strip() for part in written.partition("="))
    is_prefix = not sent or sent.endswith("/")
    fits = bool(equals) and bool(sent or name)
    fits = fits and (name.endswith("/") or not name if is_prefix else bool(name))
    if not fits or (not is_prefix and name.endswith("/")):
        raise InvalidValueError(
            "",
            f"{written[:_MAX_SHOWN]!r} is no alias: write SENT=NAME, both with / at the end for the"
            " beginnings of names, such as mirror/library/=library/",
        )
    for part in (sent, name):
        if part:
            check_repository(f"{part}x" if part.endswith("/") else part, "")
    return sent, name
