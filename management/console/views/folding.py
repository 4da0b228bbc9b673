"""Lists of records with one row for each delivery: its newest attempt; the others are folded."""

from collections.abc import Iterable, Mapping

from portcall.store.records.filters import RecordLine

Key = tuple[str, int, int]
"""A delivery: its event's id, when the event was accepted (ms), and its webhook's id."""


def delivery_of(line: RecordLine) -> Key:
    """The delivery of a record."""
    return (line.event_id, line.accepted_ms, line.webhook_id)


def folded(
    lines: Iterable[RecordLine], *, before: int | None = None, newest: Mapping[Key, int] = {}
) -> list[RecordLine]:
    """The newest record of each delivery, in their order, newest first.

    Args:
        lines: Newest first.
        before: All of them have smaller ids, because a page before this one shows the others.
        newest: The id of the newest record of each delivery: those that the page before shows are
            left out. Empty: unknown, or the page before shows only some records of a delivery.
    """
    shown: dict[Key, RecordLine] = {}
    for line in lines:
        key = delivery_of(line)
        if before is None or newest.get(key, 0) < before:
            shown.setdefault(key, line)
    return list(shown.values())
