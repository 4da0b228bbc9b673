"""What formats cannot say, and why an event is not sent."""

from portcall.schemas.events import Action
from portcall.schemas.formats.facts import Facts
from portcall.schemas.formats.results import Omitted

NO_TAG = "has no pushes without a tag"


def omitted(
    facts: Facts, name: str, *, actions: frozenset[str], needs_tag: bool = False
) -> Omitted | None:
    """Why the format of *name* says nothing of an event; None: it does.

    Args:
        facts: The event; no ping.
        name: Whose format it is, as people write it.
        actions: The actions that it has.
        needs_tag: Whether a push needs a tag.
    """
    if facts.action not in actions:
        return no_such_event(facts, name)
    if needs_tag and facts.action == Action.PUSH and not facts.tag:
        return Omitted(f"the format of {name} {NO_TAG}")
    return None


def no_such_event(facts: Facts, name: str) -> Omitted:
    """The format of *name* has no events of this action."""
    return Omitted(f"the format of {name} has no {facts.action} events")
