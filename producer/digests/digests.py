"""Known digests: whether each names a manifest or a blob, for deletes, which do not say."""

import hashlib
from typing import Generic, Protocol, TypeVar

from portcall.store.intake.digests import MAX_MEDIA_TYPE

MAX_DIGESTS = 50_000
"""How many manifests are kept in memory, and how many blobs: at most some 8 MB for each."""

REFERRER = "referrer"
"""In the place of a media type: the digest was last seen under a tag of an attachment."""

Value = TypeVar("Value")


class DigestMemory(Protocol):
    """The translator's view of known digests, each by its `full_name`."""

    @property
    def knows_referrers(self) -> bool:
        """Whether there was a `REFERRER` among them; if not, no digest needs to be looked up."""

    def saw_manifest(self, name: bytes, media_type: str) -> None:
        """Note that a digest names a manifest, and its type; empty: unknown."""

    def saw_blob(self, name: bytes) -> None:
        """Note that a digest names a blob."""

    def media_type(self, name: bytes) -> str | None:
        """The type of the manifest that a digest names; None if unknown."""

    def only_blob(self, name: bytes) -> bool:
        """Whether a digest was seen as a blob, and never as a manifest.

        A manifest can be uploaded as a blob, too. Then a delete counts as the manifest's: an
        unnecessary webhook does less harm than a missing one.
        """


class KnownDigests:
    """The digests of earlier notifications, with what they name.

    A delete carries a digest and a repository, for a manifest and for a blob, without a media type.
    Earlier pushes, pulls and mounts tell which it is. This is the memory of one process;
    `producer.digests.keeper` shares it with the others, and stores it.

    Manifests and blobs have separate limits, because one image has a manifest and many blobs.
    """

    def __init__(self, limit: int = MAX_DIGESTS) -> None:
        self.knows_referrers = False
        self._manifests: Recent[str] = Recent(limit)
        self._blobs: Recent[bool] = Recent(limit)

    def saw_manifest(self, name: bytes, media_type: str) -> None:
        """As in `DigestMemory`; a known type stays known, and an invalid one is not kept."""
        if media_type == REFERRER:
            self.knows_referrers = True
        known = media_type if is_keepable(media_type) else ""
        self._manifests.put(name, known or self._manifests.get(name) or "")

    def saw_blob(self, name: bytes) -> None:
        """As in `DigestMemory`."""
        self._blobs.put(name, value=True)

    def media_type(self, name: bytes) -> str | None:
        """As in `DigestMemory`."""
        return self._manifests.get(name) or None

    def only_blob(self, name: bytes) -> bool:
        """As in `DigestMemory`."""
        return self._manifests.get(name) is None and self._blobs.get(name) is not None


class Glance:
    """The memory as one request uses it: collects the request's new facts, and its open questions.

    Attributes:
        learnt: The digests in this request: a manifest's type, or None for a blob.
        asked: Digests for which memory is not certain.
    """

    def __init__(self, memory: KnownDigests) -> None:
        self._memory = memory
        self.learnt: dict[bytes, str | None] = {}
        self.asked: set[bytes] = set()

    @property
    def knows_referrers(self) -> bool:
        """As in `DigestMemory`."""
        return self._memory.knows_referrers

    def saw_manifest(self, name: bytes, media_type: str) -> None:
        """As in `DigestMemory`."""
        self._memory.saw_manifest(name, media_type)
        self.learnt[name] = media_type if is_keepable(media_type) else ""

    def saw_blob(self, name: bytes) -> None:
        """As in `DigestMemory`."""
        self._memory.saw_blob(name)
        self.learnt.setdefault(name, None)

    def media_type(self, name: bytes) -> str | None:
        """As in `DigestMemory`; a delete has asked `only_blob` before."""
        return self._memory.media_type(name)

    def only_blob(self, name: bytes) -> bool:
        """As in `DigestMemory`; another process may have seen the same digest as a manifest."""
        if self._memory.media_type(name) is None:
            self.asked.add(name)
        return self._memory.only_blob(name)


def is_keepable(media_type: str) -> bool:
    """Whether a text may be a media type: printable ASCII, within the limit of length."""
    return len(media_type) <= MAX_MEDIA_TYPE and media_type.isascii() and media_type.isprintable()


def full_name(registry: str, repository: str, digest: str) -> bytes:
    """The key of a digest: 128 bits, however long the names are.

    No character of a digest is an @, so two different ones never make the same text.
    """
    text = f"{registry}/{repository}@{digest}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Recent(Generic[Value]):
    """A mapping that drops the least recently used entries."""

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
