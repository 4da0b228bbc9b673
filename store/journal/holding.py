"""What filters held back: a column of the journal with webhooks by the filter's name.

The webhooks are written as differences, as in `schemas.journal`. An event may be routed more than
once. What was sent at any time counts as sent, and only the others as held back.

A push that waits for its index has the name `COALESCING`, and counts as routed, not as held back:
its delivery is expected until a note says that it was sent, or held back by `COALESCE`. In whatever
order notes come, sent wins over held back, and that over waiting.
"""

from collections.abc import Iterable, Mapping

import msgspec

from portcall.schemas.filters import COALESCING
from portcall.schemas.journal import differences, numbers
from portcall.store.database.tables import MAX_BIG

_MAX_NAMES = 32
_MAX_NAME = 64

Noted = Mapping[str, list[int]]
"""Differences of webhooks' numbers, by the filter's name."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, list[int]]).decode


def joined(before: str, noted: Noted | None, sent: Iterable[int]) -> tuple[int, str]:
    """The column after a further note that the event was routed.

    Args:
        before: The column.
        noted: What the note says was held back.
        sent: All webhooks that the event was sent to, by this note and the ones before.

    Returns:
        How many webhooks were held back, and the column.
    """
    if not before and not noted:
        return 0, ""
    left = set(sent)
    found: dict[str, list[int]] = {}
    names = sorted([*read(noted).items(), *of(before).items()], key=_is_waiting)
    for name, webhook_ids in names:
        kept = [each for each in webhook_ids if each not in left]
        left.update(kept)
        if kept:
            found[name] = sorted([*found.get(name, []), *kept])
    column = {name: differences(webhook_ids) for name, webhook_ids in found.items()}
    count = sum(len(steps) for name, steps in column.items() if name != COALESCING)
    return count, _encode(column).decode() if column else ""


def _is_waiting(named: tuple[str, list[int]]) -> bool:
    return named[0] == COALESCING


def waiting(column: str) -> set[int]:
    """The webhooks in the column whose event waits for an index."""
    return set(of(column).get(COALESCING, ())) if COALESCING in column else set()


def waiting_in(noted: Noted | None) -> list[int]:
    """The same in a note."""
    return numbers(noted[COALESCING]) if noted and COALESCING in noted else []


def of(column: str) -> dict[str, list[int]]:
    """The webhooks in the column, by the filter's name."""
    return read(_decode(column)) if column else {}


def read(noted: Noted | None) -> dict[str, list[int]]:
    """The webhooks in a note, by the filter's name."""
    return {name: numbers(steps) for name, steps in (noted or {}).items()}


def is_sound(noted: Noted | None) -> bool:
    """Whether the column can hold what a note says."""
    if not noted:
        return True
    return (
        len(noted) <= _MAX_NAMES
        and all(name and len(name) <= _MAX_NAME and "\0" not in name for name in noted)
        and all(min(steps, default=0) >= 0 for steps in noted.values())
        and all(sum(steps) <= MAX_BIG for steps in noted.values())
    )
