"""What a sync reports: one document, and one row of a table."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from portcall.cli.sync.comparison import Missed
from portcall.cli.sync.publish import Tally
from portcall.cli.sync.scan import Gone, Totals
from portcall.cli.tables import Document, Row, clean

MAX_LISTED = 1000
"""Missed events in the document; the counts are of all."""
MAX_TOLD = 10
"""Missed events that people are told before they confirm."""


@dataclass(slots=True)
class Report:
    """What a sync has found and done.

    Attributes:
        registry: The registry's name in Portcall.
        address: The registry's address.
        api: How it was asked.
        totals: What was found.
        gone: What became of vanished tags; None: that was not asked.
        unreadable: Names that no event can have.
        tally: What was published.
        adopted: Tags that count as seen now, without an event.
        in_doubt: Events of an earlier run that may have been sent twice, under the same ids.
    """

    registry: str
    address: str
    api: str = ""
    totals: Totals = field(default_factory=Totals)
    gone: Gone | None = None
    unreadable: int = 0
    tally: Tally = field(default_factory=Tally)
    adopted: int = 0
    in_doubt: int = 0

    @property
    def missed(self) -> list[Missed]:
        """Everything that would be published, in its order: pushes before deletes."""
        return self.totals.missed + (self.gone.deleted if self.gone else [])

    def document(self) -> dict[str, Any]:
        """The whole report."""
        totals, gone = self.totals, self.gone
        moved = sum(bool(each.was_seen_at) for each in totals.missed)
        found: dict[str, Any] = {
            "registry": self.registry,
            "from": self.address,
            "api": self.api,
            "repositories": totals.repositories,
            "tags": totals.tags,
            "seen": totals.seen,
            "unsure": totals.unsure,
            "unreadable": self.unreadable,
            "missed": {"new": len(totals.missed) - moved, "moved": moved},
            "gone": {"tags": len(totals.gone)},
            "published": self.tally.accepted,
            "adopted": self.adopted,
            "arrived": self.tally.arrived,
            "changed": self.tally.changed,
            "inDoubt": self.in_doubt,
            "events": [_listed(each) for each in self.missed[:MAX_LISTED]],
        }
        if gone is not None:
            found["missed"]["deleted"] = len(gone.deleted)
            found["gone"] |= {"untagged": len(gone.untagged), "unclear": gone.unclear}
        return found

    def examples(self) -> list[str]:
        """The first missed events, one line for each."""
        shown = [clean(_line(each)) for each in self.missed[:MAX_TOLD]]
        more = len(self.missed) - len(shown)
        return [*shown, f"  and {more} more"] if more else shown


def row(document: Document) -> Row:
    """The report as a row of a table."""
    missed: Document = document["missed"]
    return {
        "REGISTRY": str(document["registry"]),
        "API": str(document["api"]),
        "REPOSITORIES": str(document["repositories"]),
        "TAGS": str(document["tags"]),
        "SEEN": str(document["seen"]),
        "NEW": str(missed["new"]),
        "MOVED": str(missed["moved"]),
        "DELETED": str(missed.get("deleted", "")),
        "PUBLISHED": str(document["published"]),
    }


def counted_events(missed: Sequence[Missed]) -> str:
    """The number of events in words: ``2 pushes and 1 delete``."""
    pushes = sum(each.action == "push" for each in missed)
    deletes = len(missed) - pushes
    told = [f"{pushes} {'push' if pushes == 1 else 'pushes'}"] if pushes else []
    told += [f"{deletes} {'delete' if deletes == 1 else 'deletes'}"] if deletes else []
    return " and ".join(told) or "nothing"


def _listed(missed: Missed) -> dict[str, str]:
    facts = {
        "action": missed.action,
        "repository": missed.repository,
        "tag": missed.tag,
        "digest": missed.digest,
        "was": missed.was,
    }
    return {name: text for name, text in facts.items() if text}


def _line(missed: Missed) -> str:
    name = f"{missed.repository}:{missed.tag}" if missed.tag else missed.repository
    was = f" (was {missed.was[:19]})" if missed.was else ""
    return f"  {missed.action} {name} {missed.digest[:19]}{was}"
