"""Digests seen before: what they name, a manifest or a blob, for the deletes that do not say."""

import hashlib
from typing import Generic, Protocol, TypeVar

from portcall.store.intake.digests import MAX_MEDIA_TYPE

MAX_DIGESTS = 50_000
"""How many manifests are remembered, and how many blobs: at most some 8 MB for each."""

Value = TypeVar("Value")


class Seen(Protocol):
    """What the translator asks and tells of digests, each by its `full_name`."""

    def saw_manifest(self, name: bytes, media_type: str) -> None:
        """Remember that a digest names a manifest, and of which type; empty: not known."""

    def saw_blob(self, name: bytes) -> None:
        """Remember that a digest names a blob."""

    def media_type(self, name: bytes) -> str | None:
        """The type of the manifest that a digest names; None where it is not known."""

    def only_blob(self, name: bytes) -> bool:
        """Whether a digest was seen as a blob, and never as a manifest.

        A manifest can be uploaded as a blob, too. Then a delete counts as the manifest's: a
        webhook too many does less harm than one too few.
        """


class KnownDigests:
    """What the digests in notifications turned out to name, as far back as memory goes.

    A delete carries a digest and a repository, whether a manifest or a blob was deleted, and no
    media type. What was pushed, pulled or mounted before tells them apart. This is the memory of
    one process; `producer.keeping` shares it with the others, and keeps it for the next.

    Manifests and blobs are bounded apart, because one image has a manifest and many blobs.
    """

    def __init__(self, limit: int = MAX_DIGESTS) -> None:
        self._manifests: Recent[str] = Recent(limit)
        self._blobs: Recent[bool] = Recent(limit)

    def saw_manifest(self, name: bytes, media_type: str) -> None:
        """As `Seen` says; a type that is known stays known, and a text that is none is not kept."""
        known = media_type if is_keepable(media_type) else ""
        self._manifests.put(name, known or self._manifests.get(name) or "")

    def saw_blob(self, name: bytes) -> None:
        """As `Seen` says."""
        self._blobs.put(name, value=True)

    def media_type(self, name: bytes) -> str | None:
        """As `Seen` says."""
        return self._manifests.get(name) or None

    def only_blob(self, name: bytes) -> bool:
        """As `Seen` says."""
        return self._manifests.get(name) is None and self._blobs.get(name) is not None


class Glance:
    """The memory as one request sees it: notes what the request teaches, and what it asks.

    Attributes:
        learnt: What was seen in this request: a manifest's type, or None for a blob.
        asked: Digests of which memory does not know for sure what they name.
    """

    def __init__(self, memory: KnownDigests) -> None:
        self._memory = memory
        self.learnt: dict[bytes, str | None] = {}
        self.asked: set[bytes] = set()

    def saw_manifest(self, name: bytes, media_type: str) -> None:
        """As `Seen` says."""
        self._memory.saw_manifest(name, media_type)
        self.learnt[name] = media_type if is_keepable(media_type) else ""

    def saw_blob(self, name: bytes) -> None:
        """As `Seen` says."""
        self._memory.saw_blob(name)
        self.learnt.setdefault(name, None)

    def media_type(self, name: bytes) -> str | None:
        """As `Seen` says; a delete has asked `only_blob` before."""
        return self._memory.media_type(name)

    def only_blob(self, name: bytes) -> bool:
        """As `Seen` says; another process may have seen the same digest as a manifest."""
        if self._memory.media_type(name) is None:
            self.asked.add(name)
        return self._memory.only_blob(name)


def is_keepable(media_type: str) -> bool:
    """Whether a text may be a media type: printable ASCII, and no longer than one can be."""
    return len(media_type) <= MAX_MEDIA_TYPE and media_type.isascii() and media_type.isprintable()


def full_name(registry: str, repository: str, digest: str) -> bytes:
    """What a digest is remembered under: 128 bits, however long the names are.

    No character of a digest is an @, so two different ones never make the same text.
    """
    text = f"{registry}/{repository}@{digest}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Recent(Generic[Value]):
    """A mapping that forgets what was not used for longest."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: dict[bytes, Value] = {}

    def put(self, key: bytes, value: Value) -> None:
        """Set the value of a key."""
        self._items.pop(key, None)
        self._items[key] = value
        if len(self._items) > self._limit:
            del self._items[next(iter(self._items))]

    def get(self, key: bytes) -> Value | None:
        """The value of a key, or None."""
        value = self._items.pop(key, None)
        if value is not None:
            self._items[key] = value
        return value
