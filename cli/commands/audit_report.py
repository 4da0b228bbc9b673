"""What `portcall audit` makes of looks at the accounts: pure, documents in and a judgement out.

A delivery that has not ended is in a queue, or in the hands of a process that will record it, put
it on a rung or give it back. The broker tells how many messages are ready in a queue, and nobody
how many are in hands; but nothing stays there for long. So it is missing when nothing was heard of
it for longer than that, and the queues that it may be in were empty all the time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from portcall.cli.output import counted
from portcall.cli.tables import Document, Row, clean

DOUBTS = {
    "notRouted": "accepted, but no router has taken it",
    "notAttempted": "no attempt is recorded",
    "notRetried": "no further attempt is recorded",
    "neverAccepted": "there are records of it, but nobody accepted it",
    "neverRouted": "there are records of it, but no router made it",
}
UNEXPECTED = ("neverAccepted", "neverRouted")


@dataclass(slots=True)
class Watch:
    """What was seen from the first look on.

    Attributes:
        look: The newest look.
        busy: Those doubts whose queues were not always empty: nothing can be said of them.
    """

    look: Document
    busy: set[str] = field(default_factory=set)

    def see(self, look: Document) -> None:
        """Take in another look."""
        self.look = look
        self.busy |= {doubt for doubt, count in look["queued"].items() if count}

    @property
    def suspected(self) -> bool:
        """Whether something is unmoved that could be found missing by watching on."""
        return any(
            count and doubt not in self.busy
            for account in self.look["registries"]
            for doubt, count in account["unmoved"].items()
        )

    @property
    def open(self) -> int:
        """How many deliveries have not ended."""
        return sum(sum(account["open"].values()) for account in self.look["registries"])


def judged(watch: Watch, *, is_over: bool) -> Document:
    """The judgement as JSON; *is_over*: it was watched for long enough to call something missing.

    ``pending`` and ``missing`` together are what has not ended; ``unexpected`` is what should not
    be there at all.
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
    ended = account["delivered"] + given_up + account["noMatch"]
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
            "+ NO MATCH": str(each["noMatch"]),
            "MISSING": str(each["missing"]),
            "UNEXPECTED": str(each["unexpected"]),
        }
        for each in judgement["registries"]
    ]


def told(judgement: Document, watch: Watch) -> list[str]:
    """The judgement in words: whether it adds up, what is wrong, and what to do."""
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


def _unsure(watch: Watch) -> str:
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
        f"Of what is pending, {held} did not move; the queues are not empty"
        f" ({counted(queued, 'message')}), so that may be there."
    )


def line_of(suspect: Mapping[str, Any]) -> str:
    """One that is wrong, with everything that finds it again."""
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
        return "Mend what the reason on portcall.dead says, and publish these events again."
    if wrong and all(each["doubt"] in UNEXPECTED for each in wrong):
        return "Somebody else publishes deliveries, or notes were lost: see the broker's log."
    return (
        "See `portcall doctor` and the logs of the roles around the times above, and whether a"
        " queue was purged; then publish these events again: the deliveries keep their ids."
    )
