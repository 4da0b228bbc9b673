"""The scope grammar: which part of a registry a webhook covers.

=============  ===========================================================================
scope          covers
=============  ===========================================================================
(empty)        every event of the registry
``repo``       the same as ``repo:latest``: not every tag
``repo:tag``   events of that repository with that tag; an event without a tag is not covered
``repo:*``     every event of that repository, with or without a tag
=============  ===========================================================================

A repository may have slashes (``team/app``). There is no wildcard inside a name. Case counts.

The first of several parts may also look like a host, with upper case in it (``Example.COM/app``):
the registries of docker distribution take such names, so their events and scopes must, too. ACR
itself has lower case only. A port is no part of a name: no registry can store one.

Source: ACR's REST reference for ``Webhook.scope``; names and tags are those of the OCI
distribution specification 1.1, section "Pulling manifests", and of distribution/reference
(``anchoredNameRegexp``; the length counts behind the host since 3.0). Tried with docker-registry
2.8.2: it takes ``Team/app``, and fails with 500 on ``Example.COM:5000/app``.
"""

import re
from dataclasses import dataclass
from enum import Enum

from portcall.schemas.errors import InvalidValueError

MAX_PATH_LENGTH = 255
"""Of a repository, or of the part after its host."""
MAX_HOST_LENGTH = 255
"""No name server knows a longer one, and no file system stores one; the registry has no limit."""
MAX_REPOSITORY_LENGTH = MAX_HOST_LENGTH + 1 + MAX_PATH_LENGTH

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*"
REPOSITORY_PATTERN = rf"(?:{_HOST}/)?{_PATH}"
TAG_PATTERN = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
_REPOSITORY = re.compile(rf"(?:(?P<host>{_HOST})/)?(?P<path>{_PATH})", re.ASCII)
_TAG = re.compile(TAG_PATTERN, re.ASCII)


class Breadth(Enum):
    """How wide a scope is: a whole registry, all tags of a repository, or one tag."""

    REGISTRY = "registry"
    REPOSITORY = "repository"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class Scope:
    """A parsed scope; ``str()`` gives the canonical text, where ``repo`` is ``repo:latest``."""

    breadth: Breadth
    repository: str = ""
    tag: str = ""

    def covers(self, repository: str, tag: str = "") -> bool:
        """Whether an event of *repository* with *tag* (empty: it has none) is in this scope."""
        match self.breadth:
            case Breadth.REGISTRY:
                return True
            case Breadth.REPOSITORY:
                return self.repository == repository
            case Breadth.TAG:
                return self.repository == repository and self.tag == tag

    def __str__(self) -> str:
        match self.breadth:
            case Breadth.REGISTRY:
                return ""
            case Breadth.REPOSITORY:
                return f"{self.repository}:*"
            case Breadth.TAG:
                return f"{self.repository}:{self.tag}"


EVERYTHING = Scope(Breadth.REGISTRY)


def parse_scope(text: str, field: str = "scope") -> Scope:
    """Read a scope as a user writes it.

    Raises:
        InvalidValueError: The text is no scope; the message names the part that is wrong.
    """
    if text == "":
        return EVERYTHING
    repository, colon, tag = text.partition(":")
    check_repository(repository, field)
    if not colon:
        return Scope(Breadth.TAG, repository, "latest")
    if tag == "*":
        return Scope(Breadth.REPOSITORY, repository)
    check_tag(tag, field)
    return Scope(Breadth.TAG, repository, tag)


def check_repository(repository: str, field: str = "repository") -> str:
    """Check a repository name and give it back.

    Raises:
        InvalidValueError: It is not path components in lower case, after a host perhaps, or it is
            longer than 255 characters behind that.
    """
    if len(repository) > MAX_REPOSITORY_LENGTH:
        raise _too_long(field)
    parts = _REPOSITORY.fullmatch(repository)
    if parts is None:
        raise InvalidValueError(
            field,
            f"{repository[:64]!r} is not a repository name; write lower-case letters, digits and"
            " the separators . _ - in parts divided by /, as in team/app",
        )
    if len(parts["path"]) > MAX_PATH_LENGTH or len(parts["host"] or "") > MAX_HOST_LENGTH:
        raise _too_long(field)
    return repository


def _too_long(field: str) -> InvalidValueError:
    return InvalidValueError(
        field,
        f"the repository name is longer than {MAX_PATH_LENGTH} characters, without a host before"
        " its first /",
    )


def is_tag(text: str) -> bool:
    """Whether *text* can be a tag."""
    return _TAG.fullmatch(text) is not None


def check_tag(tag: str, field: str = "tag") -> str:
    """Check a tag and give it back.

    Raises:
        InvalidValueError: It is not 1 to 128 of the characters A-Z a-z 0-9 _ . - with a letter,
            digit or underscore first.
    """
    if not _TAG.fullmatch(tag):
        raise InvalidValueError(
            field,
            f"{tag[:64]!r} is not a tag; write up to 128 letters, digits, _ . - (or * alone for"
            " every tag)",
        )
    return tag
