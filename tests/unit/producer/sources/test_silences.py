"""A new source that nothing authentic came from is named; others are not."""

from dataclasses import replace

from portcall.producer.sources.silences import AFTER_MS, UNTIL_MS, Silences
from portcall.schemas.sources import Proof, Source, SourceKind

STARTED_MS = 1_000_000
NEW = Source("myregistry", "Here", SourceKind.ACR, Proof.BEARER, (), {}, created_ms=STARTED_MS + 1)


class Clock:
    def __init__(self) -> None:
        self.ms = STARTED_MS

    def __call__(self) -> int:
        return self.ms


def warned(source: Source, *, after_ms: int, heard: Source | None = None) -> bool:
    clock = Clock()
    silences = Silences(lambda: [source], clock)
    if heard is not None:
        silences.heard(heard)
    clock.ms = source.created_ms + after_ms
    return bool(silences.warnings())


def test_a_new_source_is_named_with_what_to_do() -> None:
    clock = Clock()
    silences = Silences(lambda: [NEW], clock)
    clock.ms += AFTER_MS + 1
    (told,) = silences.warnings().items()
    assert told[0] == "source myregistry/Here"
    assert "`portcall source show Here -r myregistry`" in told[1]


def test_only_one_that_is_new_and_silent_is_named() -> None:
    assert warned(NEW, after_ms=AFTER_MS)
    assert not warned(NEW, after_ms=AFTER_MS - 1)
    assert not warned(NEW, after_ms=UNTIL_MS)
    assert not warned(NEW, after_ms=AFTER_MS, heard=NEW)
    assert not warned(replace(NEW, created_ms=STARTED_MS - 1), after_ms=AFTER_MS)


def test_a_source_that_was_made_again_is_another_one() -> None:
    again = replace(NEW, created_ms=NEW.created_ms + 5)
    assert warned(again, after_ms=AFTER_MS, heard=NEW)
