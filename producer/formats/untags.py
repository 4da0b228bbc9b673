"""Untags: a deleted tag becomes an event of its own, where a webhook of its registry asks for it.

ACR tells only of deleted manifests, so a deleted tag is ignored otherwise. A registry that deletes
a manifest tells of each of its tags, under the id of the same request: `untag` events with that id
in ``request.id`` are the tags of a delete.
"""

from dataclasses import replace

from portcall.producer.formats.acceptance import Acceptance, Ignored, Translation
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Action, Event, PublishedEvent, Request, Target
from portcall.schemas.journal import TAG_DELETE


def add_untags(translation: Translation, acceptance: Acceptance) -> None:
    """Turn the deleted tags among what was ignored into events.

    Their details stay, so that a delete can still be shown with its tags.

    Args:
        translation: What a request contained; it is changed.
        acceptance: The common facts about its events.
    """
    acceptance = replace(acceptance, aliases=())  # the details have the other names already
    for one in translation.details:
        if one.reason == TAG_DELETE and (event := _untag(one, acceptance)) is not None:
            translation.events.append(event)
            translation.ignored[TAG_DELETE] -= 1
    if not translation.ignored[TAG_DELETE]:
        del translation.ignored[TAG_DELETE]


def _untag(one: Ignored, acceptance: Acceptance) -> Event | None:
    """The event; None: a name in it is invalid, and it stays ignored."""
    sent = PublishedEvent(
        action=Action.UNTAG.value,
        id=one.event_id or None,
        target=Target(repository=one.repository, tag=one.tag),
        request=Request(id=one.request_id, method="DELETE") if one.request_id else None,
    )
    try:
        return acceptance.accept(sent)
    except InvalidValueError:
        return None
