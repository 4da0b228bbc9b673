"""A dry run of a source of any kind: a sample body in, what would become of it out.

It reads as the intake does, but needs no proof, asks no store, and publishes nothing.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from portcall.producer.digests.digests import KnownDigests
from portcall.producer.formats import distribution
from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.sources.accepting import accepting
from portcall.producer.sources.adapter import MAX_BODY_BYTES, SourceRequest
from portcall.producer.sources.hints import hint_of
from portcall.producer.sources.table import adapter_of, conduct_of, options_of
from portcall.producer.sources.trials import EventTrial, try_out
from portcall.runtime.clock import now_ms
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.sources import NOTIFIERS, Source, SourceKind


@dataclass(frozen=True, slots=True)
class SampleResult:
    """What would become of a sample.

    Attributes:
        translation: Its events, and what is ignored and why.
        fields: What each expression of a generic source gives, for the first events.
        handshake: The body of the answer that it asks for; None: it asks for none.
        hint: That it looks like another kind; empty: it does not.
    """

    translation: Translation
    fields: list[EventTrial] = field(default_factory=list)
    handshake: bytes | None = None
    hint: str = ""


def try_sample(source: Source, headers: Mapping[str, str], body: bytes) -> SampleResult:
    """Read a sample as a request of *source*, whose proof does not matter.

    Raises:
        InvalidValueError: It is no JSON or too large, or an option of a generic source is wrong.
    """
    if len(body) > MAX_BODY_BYTES:
        raise InvalidValueError("", f"is larger than {MAX_BODY_BYTES} bytes")
    request = SourceRequest(headers, body, {}, options_of(source.options))
    fresh = Acceptance(source.registry, now_ms(), lambda: str(uuid.uuid4()))
    acceptance = accepting(fresh, source.options)
    translation = read_as(source.kind, request, acceptance)
    is_generic = source.kind is SourceKind.GENERIC
    handshake = conduct_of(source.kind).handshake
    return SampleResult(
        translation,
        fields=try_out(request.options, body, acceptance).events if is_generic else [],
        handshake=handshake(request) if handshake else None,
        hint="" if translation.events else hint_of(source, request),
    )


def read_as(kind: SourceKind, request: SourceRequest, acceptance: Acceptance) -> Translation:
    """What a request of a source of *kind* tells.

    Raises:
        InvalidValueError: It is no JSON, or this build has no adapter of the kind.
    """
    if kind in NOTIFIERS:
        return distribution.read(KnownDigests(), request.body, acceptance)
    read = adapter_of(kind)
    if read is None:
        raise InvalidValueError("", f"this build reads no events of the kind {kind}")
    return read(request, acceptance)
