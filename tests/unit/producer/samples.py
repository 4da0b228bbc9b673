"""What the tests of the producer share: an acceptance with a fixed clock, the recorded traffic."""

import itertools
import json
from pathlib import Path
from typing import Any

from portcall.producer.digests.digests import KnownDigests
from portcall.producer.formats import distribution
from portcall.producer.formats.acceptance import Acceptance, Translation

NOTIFICATIONS = Path(__file__).parents[2] / "fixtures" / "notifications"
NOW_MS = 1_772_619_630_123
NOW = "2026-03-04T10:20:30.1230000Z"
DIGEST = "sha256:" + "ab" * 32
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def acceptance(registry: str = "myregistry") -> Acceptance:
    """An acceptance at `NOW`; the ids it makes are new-1, new-2, …"""
    numbers = itertools.count(1)
    return Acceptance(registry, NOW_MS, lambda: f"new-{next(numbers)}")


def recorded(step: str) -> list[bytes]:
    """The envelopes that a real registry sent for one step, in their order."""
    envelopes = json.loads((NOTIFICATIONS / f"{step}.json").read_text())
    return [json.dumps(envelope).encode() for envelope in envelopes]


def translated(seen: KnownDigests, *steps: str) -> list[Translation]:
    """The translations of all envelopes of *steps*."""
    return [
        distribution.read(seen, body, acceptance()) for step in steps for body in recorded(step)
    ]


def envelope(*events: object) -> bytes:
    """An envelope with these events."""
    return json.dumps({"events": events}).encode()


def notification(action: str = "push", **target: object) -> dict[str, Any]:
    """One notification; arguments are fields of its target, those that are None are left out."""
    fields = {"repository": "team/app", "digest": DIGEST} | target
    return {
        "id": "e-1",
        "timestamp": "2026-03-04T10:20:30.123456789Z",
        "action": action,
        "target": {name: value for name, value in fields.items() if value is not None},
    }
