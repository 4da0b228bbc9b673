"""Extras: what a source tells of an event beyond ACR's payload.

They travel beside the payload, never in it: the body of the POST stays ACR's. Most of them are
texts that a registry's clients choose, or that a registry takes from their credentials. So each is
cut to a limit, never refused, and a text that looks like a credential is not kept at all.
"""

import re
from collections.abc import Iterable
from itertools import islice

from msgspec import Struct, structs

from portcall.schemas.children import Child, listed
from portcall.schemas.scopes import is_tag

MAX_TEXT = 256
"""Characters of the actor and of the sender's own id; a robot's name in Harbor has 255."""
MAX_WORD = 64
"""Characters of the others: the type, a platform, the kind, the source's name."""
MAX_PLATFORMS = 32
MAX_TAGS = 100
"""Of one delete; a tag has 128 characters at most."""

_CREDENTIALS = re.compile(
    r"""
    (?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{8}     # JSON in base64: a JWT, as GitLab's actor.user
    | ^(?i:bearer|basic|negotiate)\ +[A-Za-z0-9._~+/=-]{8}
    | -----BEGIN
    | ://                                   # a URL may have user info, or be a capability itself
    | \bgh[opsur]_[A-Za-z0-9]{16} | \bgithub_pat_[A-Za-z0-9]{16}
    | \bgl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct|wt)-[A-Za-z0-9_-]{16}
    | \bdckr_[a-z]{2,5}_[A-Za-z0-9_-]{16}
    | \bA(?:KIA|SIA)[A-Z0-9]{16}
    | \bAKCp[A-Za-z0-9]{16} | \bcmVmdGtu[A-Za-z0-9]{16}
    | \bya29\.[A-Za-z0-9_-]{16} | \bAIza[A-Za-z0-9_-]{20}
    | \bhv[bs]\.[A-Za-z0-9_-]{16} | \bxox[abeoprs]-[A-Za-z0-9-]{10} | \bwhsec_[A-Za-z0-9+/]{16}
    """,
    re.VERBOSE | re.ASCII,
)
"""A text with one of these is dropped.

Source: RFC 7519, 3 (a JWT begins with the base64 of an object); what GitHub, GitLab, Docker, AWS,
JFrog, Google, HashiCorp, Slack and Standard Webhooks document of the first letters of their tokens.
"""


class Extras(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What a source tells of an event beyond ACR's payload; empty where it is unknown.

    Attributes:
        kind: The source's kind, e.g. ``harbor``; empty: the event did not come by a source.
        source: The source's name.
        source_id: The sender's own id of the event or of its request, if the event has another.
        actor: Who pushed or deleted, as the registry names them.
        artifact_type: image, index, helm, signature, attestation, sbom, wasm, cache or other.
        platforms: Of an image its own, of an index those of its children, e.g. ``linux/arm64``.
        backfilled: Nothing told of it when it happened: it was found by a comparison later.
        referrer: Of a delete: its digest was last seen under a tag of what is attached to another
            artifact, as ``sha256-<hex>``.
        children: Of an index: what it lists.
        tags: Of a delete: the tags that went with the manifest.
    """

    kind: str = ""
    source: str = ""
    source_id: str = ""
    actor: str = ""
    artifact_type: str = ""
    platforms: tuple[str, ...] = ()
    backfilled: bool = False
    referrer: bool = False
    children: tuple[Child, ...] = ()
    tags: tuple[str, ...] = ()


class SentChild(Struct, frozen=True):
    """A child of an index that people publish themselves; null counts as absent."""

    digest: str | None = None
    platform: str | None = None


class SentExtras(Struct, frozen=True, rename="camel"):
    """The extras of an event that people publish themselves; null counts as absent."""

    source_id: str | None = None
    actor: str | None = None
    artifact_type: str | None = None
    platforms: list[str] | None = None
    backfilled: bool | None = None
    children: list[SentChild] | None = None
    tags: list[str] | None = None

    @property
    def extras(self) -> Extras:
        """The same as extras, before they are cleaned."""
        return Extras(
            source_id=self.source_id or "",
            actor=self.actor or "",
            artifact_type=self.artifact_type or "",
            platforms=tuple(self.platforms or ()),
            backfilled=bool(self.backfilled),
            children=tuple(
                Child(each.digest or "", each.platform or "") for each in self.children or ()
            ),
            tags=tuple(self.tags or ()),
        )


NONE = Extras()


def cleaned(extras: Extras, event_id: str = "") -> Extras | None:
    """*extras* as they may be kept, within the limits; None: nothing is left.

    The kind and the name of the source are ours, and are kept as they are. The sender's own id is
    left out where it is the event's.
    """
    if extras == NONE:
        return None
    kept = Extras(
        kind=extras.kind,
        source=extras.source,
        source_id="" if extras.source_id == event_id else kept_text(extras.source_id, MAX_TEXT),
        actor=kept_text(extras.actor, MAX_TEXT),
        artifact_type=kept_text(extras.artifact_type, MAX_WORD),
        platforms=_platforms(extras.platforms),
        backfilled=extras.backfilled,
        referrer=extras.referrer,
        children=tuple(
            Child(each.digest, kept_text(each.platform, MAX_WORD))
            for each in listed(extras.children)
        )
        if extras.children
        else (),
        tags=_tags(extras.tags),
    )
    return None if kept == NONE else kept


def of_source(extras: Extras, kind: str, source: str) -> Extras:
    """*extras* with the kind and the name of the source."""
    return structs.replace(extras, kind=kind, source=source)


def platform_of(os: str, architecture: str, variant: str = "") -> str:
    """A platform as clients write it; empty: unknown, as an attestation's is.

    Source: the OCI image index specification, ``platform``; BuildKit's ``unknown/unknown``.
    """
    if not os or not architecture or os == "unknown" or architecture == "unknown":
        return ""
    return "/".join(filter(None, (os, architecture, variant)))


def kept_text(text: str, limit: int) -> str:
    """An untrusted text: on one line, cut, and empty where it looks like a credential."""
    text = text[: 4 * limit]
    if not text.isprintable():  # control characters, also those that turn the direction of writing
        text = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return "" if _CREDENTIALS.search(text) else text[:limit]


def _platforms(platforms: Iterable[str]) -> tuple[str, ...]:
    kept = dict.fromkeys(kept_text(each, MAX_WORD) for each in islice(platforms, MAX_PLATFORMS))
    return tuple(each for each in kept if each)


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    sound = (each for each in islice(tags, 4 * MAX_TAGS) if is_tag(each))
    return tuple(islice(dict.fromkeys(sound), MAX_TAGS))
