"""`portcall audit --republish`: publish again what an audit calls missing."""

from typing import Final

from portcall.cli.client import Document, Management
from portcall.cli.commands.audit_report import line_of
from portcall.schemas.plurals import counted

PATH = "/portcall/audit/republish"
NOTHING: Final[Document] = {"published": 0, "without": [], "withoutCount": 0}


def republished(management: Management, registry: str | None, before_ms: int) -> Document:
    """Publish what has not moved since a time, and return the sum of the answers.

    A second call would find the same deliveries until they are attempted, so there is one only
    where the first did not reach all.

    Args:
        management: The API.
        registry: Only this registry; None: all of them.
        before_ms: The time, milliseconds since the epoch.
    """
    query = {"unmovedBefore": str(before_ms)}
    if registry is not None:
        query["registry"] = registry
    answer = management.ask("POST", PATH, query=query)
    return {**NOTHING, **answer}


def is_mended(judgement: Document, again: Document | None) -> bool:
    """Whether everything that was missing is published again, and nothing else is wrong."""
    if again is None or again["withoutCount"] or again.get("more"):
        return False
    registries = judgement["registries"]
    if any(each["unexpected"] or each["missing"] < 0 for each in registries):
        return False
    return int(again["published"]) >= sum(int(each["missing"]) for each in registries)


def told_again(again: Document) -> list[str]:
    """What was published again, and what could not be."""
    lines = [f"{counted(int(again['published']), 'delivery')} published again."]
    if again.get("more"):
        lines.append("There are more: run it again when these have ended.")
    if count := int(again["withoutCount"]):
        lines += [line_of(each) for each in again["without"]]
        lines.append(
            f"The store does not have the events of {count} of them, which were in the broker"
            " only: let their registry send them again, or compare its tags with"
            " `portcall source sync`."
        )
    return lines
