"""Hints: a body that looks like another kind's than its source's. Nothing is read by a guess."""

import time
from collections.abc import Callable, Mapping

import msgspec

from portcall.producer.sources.adapter import SourceRequest
from portcall.runtime.logs import get_logger
from portcall.runtime.sampling import Sample
from portcall.schemas.nesting import is_too_deep
from portcall.schemas.sources import Source, SourceKind

FORGOTTEN_S = 600.0
MAX_HINTS = 1_000
MAX_LOOKED_AT = 64 * 1024
"""Bytes of a body; a larger one gives no hint."""

_BY_HEADER = (
    ("x-forgejo-event", SourceKind.FORGEJO),
    ("x-gitea-event", SourceKind.GITEA),
    ("x-github-event", SourceKind.GHCR),
    ("x-nexus-webhook-id", SourceKind.NEXUS),
    ("x-jfrog-event-auth", SourceKind.ARTIFACTORY),
    ("aeg-event-type", SourceKind.EVENTGRID),
)
"""In this order: Gitea and Forgejo send GitHub's header, too."""
_BY_TYPE = (
    ("harbor.", SourceKind.HARBOR),
    ("zotregistry.", SourceKind.ZOT),
    ("Microsoft.ContainerRegistry.", SourceKind.EVENTGRID),
)
_HARBOR_TYPES = ("PUSH_ARTIFACT", "PULL_ARTIFACT", "DELETE_ARTIFACT", "SCANNING_COMPLETED")
_BY_FIELDS = (
    (frozenset({"updated_tags", "docker_url"}), SourceKind.QUAY),
    (frozenset({"push_data", "callback_url"}), SourceKind.DOCKERHUB),
    (frozenset({"type", "occur_at", "event_data"}), SourceKind.HARBOR),
    (frozenset({"message", "subscription"}), SourceKind.GAR),
    (frozenset({"detail-type", "detail", "source"}), SourceKind.ECR),
    (frozenset({"domain", "event_type", "data"}), SourceKind.ARTIFACTORY),
    (frozenset({"trigger", "artifact_info"}), SourceKind.HARNESS),
    (frozenset({"events"}), SourceKind.DISTRIBUTION),
    (frozenset({"action", "target", "request"}), SourceKind.ACR),
)
_ALIKE = (
    {SourceKind.GITEA, SourceKind.FORGEJO},
    {SourceKind.DISTRIBUTION, SourceKind.GITLAB},
    {SourceKind.DOCKERHUB, SourceKind.ALIBABA},
)
"""Kinds whose bodies cannot be told apart."""


def looks_like(request: SourceRequest) -> SourceKind | None:
    """The kind that the request seems to be of; None: that cannot be told."""
    names = {name.lower() for name in request.headers}
    for name, kind in _BY_HEADER:
        if name in names:
            return kind
    if len(request.body) > MAX_LOOKED_AT or is_too_deep(request.body):
        return None
    try:
        body = msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    first = body[0] if isinstance(body, list) and body else body
    return _by_body(first) if isinstance(first, dict) else None


def _by_body(body: Mapping[str, object]) -> SourceKind | None:
    for field in ("type", "eventType"):
        word = body.get(field)
        if isinstance(word, str):
            if word in _HARBOR_TYPES:
                return SourceKind.HARBOR
            for prefix, kind in _BY_TYPE:
                if word.startswith(prefix):
                    return kind
    return next((kind for fields, kind in _BY_FIELDS if fields <= body.keys()), None)


def is_another(source: Source, looks: SourceKind | None) -> bool:
    """Whether a body that looks so is wrong for *source*."""
    if looks is None or looks is source.kind or source.kind is SourceKind.GENERIC:
        return False
    return not any({looks, source.kind} <= alike for alike in _ALIKE)


def hint_of(source: Source, request: SourceRequest) -> str:
    """That a request looks like another kind's than its source's; empty: it does not."""
    looks = _another(source, request)
    return _hint(source, looks) if looks else ""


def _another(source: Source, request: SourceRequest) -> SourceKind | None:
    looks = looks_like(request)
    return looks if is_another(source, looks) else None


class Hints:
    """Remembers which sources get bodies of another kind: warnings of the process.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[tuple[str, str], tuple[Source, SourceKind, float]] = {}
        self._sample = Sample(clock)
        self._log = get_logger()

    def note(self, source: Source, request: SourceRequest) -> str:
        """Look at a request that gave no event; returns the hint, or an empty text."""
        looks = _another(source, request)
        if looks is None:
            return ""
        key = (source.registry, source.name.lower())
        self._seen.pop(key, None)
        self._seen[key] = (source, looks, self._clock())
        if len(self._seen) > MAX_HINTS:
            del self._seen[next(iter(self._seen))]
        if times := self._sample.times(key):
            self._log.warning(
                "source.mismatched",
                registry=source.registry,
                source=source.name,
                kind=source.kind.value,
                looks_like=looks.value,
                times=times,
            )
        return _hint(source, looks)

    def warnings(self) -> Mapping[str, str]:
        """The hints of the last ten minutes, by source."""
        since_s = self._clock() - FORGOTTEN_S
        return {
            f"source {source.registry}/{source.name}": _hint(source, looks)
            for source, looks, at_s in self._seen.values()
            if at_s >= since_s
        }


def _hint(source: Source, looks: SourceKind) -> str:
    return (
        f"this looks like {looks.value}, and the source {source.name} is of the kind"
        f" {source.kind.value}: create a source with --kind {looks.value}"
    )
