"""What the tests of the adapters share: requests, and what becomes of them in a form to compare."""

import json
from collections.abc import Mapping
from typing import Any

from portcall.producer.formats.acceptance import Translation
from portcall.producer.sources.adapter import Adapter, SourceRequest
from tests.unit.producer.samples import acceptance

HEX = "1f2e" * 16
DIGEST = f"sha256:{HEX}"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def request(
    body: object,
    *,
    headers: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
) -> SourceRequest:
    """A request with this body: bytes as they are, anything else as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return SourceRequest(headers=headers or {}, body=raw, query={}, options=options or {})


def taken(
    adapter: Adapter,
    body: object,
    *,
    headers: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
) -> Translation:
    return adapter(request(body, headers=headers, options=options), acceptance())


def told(translation: Translation) -> list[dict[str, Any]]:
    """The payloads, each with the fields of its parts in one flat object."""
    return [flat(json.loads(bytes(event.body))) for event in translation.events]


def flat(payload: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in payload.items():
        if isinstance(value, dict):
            made |= {f"{name}.{inner}": each for inner, each in value.items()}
        else:
            made[name] = value
    return made


def reasons(translation: Translation) -> dict[str, int]:
    return dict(translation.ignored)


def changed(sample: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of *sample* with other values at dotted paths; ``...`` removes one."""
    made: dict[str, Any] = json.loads(json.dumps(sample))
    for path, value in changes.items():
        *parents, last = path.split(".")
        place: Any = made
        for name in parents:
            place = place[name]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return made
