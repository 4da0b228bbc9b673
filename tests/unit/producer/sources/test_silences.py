"""A new source that nothing authentic came from is named; others are not."""

from dataclasses import replace

import pytest

from portcall.producer.sources.silences import AFTER_MS, UNTIL_MS, Silences
from portcall.schemas.sources import Proof, Source, SourceKind
from portcall.store.errors import StoreUnavailableError

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
    assert not warned(replace(NEW, heard_ms=5), after_ms=AFTER_MS)


def test_one_that_was_silent_before_this_process_is_named_too() -> None:
    assert warned(replace(NEW, created_ms=STARTED_MS - AFTER_MS), after_ms=AFTER_MS + 5)


def test_a_source_that_was_made_again_is_another_one() -> None:
    again = replace(NEW, created_ms=NEW.created_ms + 5)
    assert warned(again, after_ms=AFTER_MS, heard=NEW)


async def test_the_store_is_told_once_and_again_while_it_is_away() -> None:
    clock, present = Clock(), [NEW]
    told: list[tuple[object, ...]] = []
    silences = Silences(lambda: present, clock)

    def away(*_: object) -> None:
        raise StoreUnavailableError("away")

    await silences.settle(lambda *args: told.append(args))
    silences.heard(NEW)
    clock.ms += 7
    silences.heard(NEW)
    await silences.settle(away)
    await silences.settle(lambda *args: told.append(args))
    assert told == [("myregistry", "here", NEW.created_ms, STARTED_MS)]
    present[0] = replace(NEW, heard_ms=STARTED_MS)
    silences.heard(present[0])
    await silences.settle(lambda *args: told.append(args))
    assert len(told) == 1


async def test_what_is_deleted_is_forgotten() -> None:
    present = [NEW]
    silences = Silences(lambda: present, Clock())
    silences.heard(NEW)
    present.clear()
    await silences.settle(lambda *_: pytest.fail("there is no such source"))
