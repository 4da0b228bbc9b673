"""Digests seen before: what they name, a manifest or a blob, for the deletes that do not say."""

from typing import Generic, TypeVar

MAX_SIGHTINGS = 50_000
"""How many manifests are remembered, and how many blobs: at most some 15 MB for each."""

Value = TypeVar("Value")


class Sightings:
    """What the digests in notifications turned out to name, as far back as memory goes.

    A delete carries a digest and a repository, whether a manifest or a blob was deleted, and no
    media type. What was pushed, pulled or mounted before tells them apart. Each process has its
    own memory, and it begins empty: whoever asks must do without an answer, too.

    Manifests and blobs are bounded apart, because one image has a manifest and many blobs.
    """

    def __init__(self, limit: int = MAX_SIGHTINGS) -> None:
        self._manifests: _Recent[str] = _Recent(limit)
        self._blobs: _Recent[bool] = _Recent(limit)

    def saw_manifest(self, name: str, media_type: str) -> None:
        """Remember that a digest names a manifest, and of which type."""
        self._manifests.put(name, media_type)

    def saw_blob(self, name: str) -> None:
        """Remember that a digest names a blob."""
        self._blobs.put(name, value=True)

    def media_type(self, name: str) -> str | None:
        """The type of the manifest that a digest names; None where none was seen."""
        return self._manifests.get(name)

    def only_blob(self, name: str) -> bool:
        """Whether a digest was seen as a blob, and never as a manifest.

        A manifest can be uploaded as a blob, too. Then a delete counts as the manifest's: a
        webhook too many does less harm than one too few.
        """
        return self._manifests.get(name) is None and self._blobs.get(name) is not None


def full_name(registry: str, repository: str, digest: str) -> str:
    """What a digest is remembered under."""
    return f"{registry}/{repository}@{digest}"


class _Recent(Generic[Value]):
    """A mapping that forgets what was not used for longest."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: dict[str, Value] = {}

    def put(self, key: str, value: Value) -> None:
        self._items.pop(key, None)
        self._items[key] = value
        if len(self._items) > self._limit:
            del self._items[next(iter(self._items))]

    def get(self, key: str) -> Value | None:
        value = self._items.pop(key, None)
        if value is not None:
            self._items[key] = value
        return value
