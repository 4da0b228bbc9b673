"""The children of an index: the manifests that it lists, and how a POST lists them.

They are an extra of the push of an index: its source tells them beside ACR's payload. Only a
webhook with the filter `coalesce` gets them, as ``portcall.children`` of the payload, which is
ACR's own otherwise.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import islice

import msgspec
from msgspec import Struct

MAX_CHILDREN = 100
"""Of one index; 84 to 120 bytes each. What is not listed is sent by itself."""

DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]{1,256}", re.ASCII)

_encode = msgspec.json.Encoder().encode


class Child(Struct, frozen=True, omit_defaults=True):
    """A manifest that an index lists.

    Attributes:
        digest: Its digest.
        platform: Its platform, e.g. ``linux/arm64``; empty: it has none, or no source tells it.
    """

    digest: str
    platform: str = ""


def listed(children: Iterable[Child]) -> tuple[Child, ...]:
    """The children that may be kept: those with a digest, each once, up to `MAX_CHILDREN`."""
    found: dict[str, Child] = {}
    for child in islice(children, 4 * MAX_CHILDREN):
        if DIGEST.fullmatch(child.digest):
            found.setdefault(child.digest, child)
    return tuple(found.values())[:MAX_CHILDREN]


def with_children(body: bytes, children: Iterable[Child]) -> bytes:
    """A payload of ACR's with the children behind its own fields.

    Args:
        body: A JSON object with at least one field.
        children: What to list.
    """
    return beside(body, {"children": list(children)})


def beside(body: bytes, said: Mapping[str, object]) -> bytes:
    """A payload of ACR's with Portcall's facts behind its own fields, as ``portcall``.

    Args:
        body: A JSON object with at least one field.
        said: Portcall's facts.
    """
    return b'%b,"portcall":%b}' % (body.rstrip()[:-1], _encode(said))
