"""The judgement of `portcall audit`: pure functions from what was seen to a verdict.

A delivery that has not ended is either in a queue or held by a process that will record it, retry
it or give it back. The broker reports the messages that are ready in a queue, but not those held by
processes; these are held only briefly. So a delivery is missing when it showed no sign of life for
longer than that, while every queue that could hold it was empty at every look.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from portcall.cli.tables import Document, Row, clean
from portcall.schemas.plurals import counted

DOUBTS = {
    "notRouted": "accepted, but no router has taken it",
    "notAttempted": "no attempt is recorded",
    "notRetried": "no further attempt is recorded",
    "neverAccepted": "there are records of it, but it was never accepted",
    "neverRouted": "there are records of it, but no router created it",
}
UNEXPECTED = ("neverAccepted", "neverRouted")


@dataclass(slots=True)
class AuditWatch:
    """What was seen since the first look.

    Attributes:
        look: The newest look.
        busy: The suspects whose queues were not always empty: they may be there.
    """

    look: Document
    busy: set[str] = field(default_factory=set)

    def see(self, look: Document) -> None:
        """Add another look."""
        self.look = look
        self.busy |= {doubt for doubt, count in look["queued"].items() if count}

    @property
    def suspected(self) -> bool:
        """Whether watching longer could show that something is missing."""
        return any(
            count and doubt not in self.busy
            for account in self.look["registries"]
            for doubt, count in account["unmoved"].items()
        )

    @property
    def open(self) -> int:
        """Return how many deliveries have not ended."""
        return sum(sum(account["open"].values()) for account in self.look["registries"])


def judged(watch: AuditWatch, *, is_over: bool) -> Document:
    """Return the judgement as JSON; *is_over*: the watch was long enough to call something missing.

    ``pending`` and ``missing`` together are the deliveries that have not ended; ``unexpected`` are
    those that should not exist.
    """
    look = watch.look
    sure = set(DOUBTS) - watch.busy if is_over else set()
    registries = [_registry(account, sure) for account in look["registries"]]
    suspects = [each for each in look["suspects"] if each["doubt"] in sure]
    return {
        "addsUp": all(each["addsUp"] for each in registries),
        "since": look["since"],
        "registries": registries,
        "queued": look["queued"],
        "dead": look["dead"],
        "wrong": suspects,
    }


def _registry(account: Mapping[str, Any], sure: set[str]) -> Document:
    unmoved = {doubt: count for doubt, count in account["unmoved"].items() if doubt in sure}
    unexpected = sum(count for doubt, count in unmoved.items() if doubt in UNEXPECTED)
    missing = sum(unmoved.values()) - unexpected
    pending = {
        doubt: count - unmoved.get(doubt, 0)
        for doubt, count in account["open"].items()
        if count > unmoved.get(doubt, 0)
    }
    given_up = account["givenUp"] + account["cancelled"]
    filtered = account.get("filtered", 0)
    refused = account.get("refused", 0)
    ended = account["delivered"] + given_up + refused + filtered + account["noMatch"]
    rest = account["accepted"] - ended - sum(pending.values())
    return {
        "registry": account["registry"],
        "events": account["events"],
        "accepted": account["accepted"],
        "delivered": account["delivered"],
        "pending": sum(pending.values()),
        "pendingBecause": pending,
        "givenUp": given_up,
        "ofTheseCancelled": account["cancelled"],
        "refused": refused,
        "filtered": filtered,
        "noMatch": account["noMatch"],
        "missing": rest,
        "unexpected": unexpected,
        "addsUp": rest == missing == unexpected == 0,
    }


def rows_of(judgement: Document) -> list[Row]:
    """The registries as rows of a table."""
    return [
        {
            "REGISTRY": each["registry"],
            "EVENTS": str(each["events"]),
            "ACCEPTED": str(each["accepted"]),
            "= DELIVERED": str(each["delivered"]),
            "+ PENDING": str(each["pending"]),
            "+ GIVEN UP": str(each["givenUp"]),
            "+ REFUSED": str(each["refused"]),
            "+ FILTERED": str(each["filtered"]),
            "+ NO MATCH": str(each["noMatch"]),
            "MISSING": str(each["missing"]),
            "UNEXPECTED": str(each["unexpected"]),
        }
        for each in judgement["registries"]
    ]


def told(judgement: Document, watch: AuditWatch) -> list[str]:
    """Return the judgement in words: whether it adds up, what is wrong, and what to do."""
    if not judgement["registries"]:
        return [f"Nothing was accepted since {judgement['since']}."]
    lines = []
    if unsure := _unsure(watch):
        lines.append(unsure)
    if judgement["addsUp"]:
        return [*lines, f"It adds up, for what was accepted since {judgement['since']}."]
    lines += [line_of(each) for each in judgement["wrong"]]
    named = len(judgement["wrong"])
    wrong = sum(each["missing"] + each["unexpected"] for each in judgement["registries"])
    if wrong > named:
        lines.append(f"... and {wrong - named} more.")
    return [*lines, f"It does not add up. {_advice(judgement['wrong'])}"]


def _unsure(watch: AuditWatch) -> str:
    held = sum(
        count
        for account in watch.look["registries"]
        for doubt, count in account["unmoved"].items()
        if doubt in watch.busy
    )
    if not held:
        return ""
    queued = max(watch.look["queued"].values())
    return (
        f"{held} of the pending deliveries did not move; the queues are not empty"
        f" ({counted(queued, 'message')}), so they may be there."
    )


def line_of(suspect: Mapping[str, Any]) -> str:
    """Describe one suspect, with everything that helps to find it."""
    what = f"event {suspect['eventId']}"
    if suspect["deliveryId"]:
        what = f"{suspect['deliveryId']} ({what}, webhook {suspect['webhookId']})"
    line = f"{suspect['registry']}: {what}: {DOUBTS[suspect['doubt']]}"
    line += f"; accepted {suspect['acceptedAt']}"
    if suspect["lastAttemptAt"]:
        line += f", last attempt {suspect['lastAttemptAt']}"
    if suspect["dead"]:
        line += f"; it is on portcall.dead: {suspect['dead']}"
    return clean(line)


def _advice(wrong: Sequence[Mapping[str, Any]]) -> str:
    if any(each["dead"] for each in wrong):
        return "Fix what the reason on portcall.dead names, and publish these events again."
    if wrong and all(each["doubt"] in UNEXPECTED for each in wrong):
        return "Another publisher sends deliveries, or records were lost: see the broker's log."
    return (
        "Run `portcall doctor`, read the roles' logs around the times above, and check"
        " whether a queue was purged. Then publish them again with `portcall audit --republish`:"
        " the deliveries keep their ids."
    )
