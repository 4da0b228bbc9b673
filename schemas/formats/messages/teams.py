"""The format ``teams``: a message with an adaptive card, for a workflow of Microsoft Teams.

A card reads a part of Markdown, so texts are escaped. It mentions nobody: a mention needs an entity
in the card, and there is none.

Source: Microsoft's "Create incoming webhooks with Workflows" (28 KB a message), the adaptive card
schema 1.2.
"""

from portcall.schemas.formats.facts import Facts, Options, encoded
from portcall.schemas.formats.messages.words import markdown, words_of
from portcall.schemas.formats.results import Rendered, Result
from portcall.schemas.formats.shapes import Shape, slot

SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
CARD = "application/vnd.microsoft.card.adaptive"
_TITLE, _FACTS = "title", "facts"


def render(facts: Facts, options: Options) -> Result:
    """Render an event."""
    del options
    words = words_of(facts)
    known = [{"title": name, "value": markdown(value)} for name, value in words.lines]
    title = encoded(markdown(words.title))
    return Rendered(_MESSAGE.filled({_TITLE: title, _FACTS: encoded(known)}))


def _message() -> Shape:
    title = {
        "type": "TextBlock",
        "weight": "bolder",
        "size": "medium",
        "wrap": True,
        "text": slot(_TITLE),
    }
    card = {
        "$schema": SCHEMA,
        "type": "AdaptiveCard",
        "version": "1.2",
        "msteams": {"width": "full"},
        "body": [title, {"type": "FactSet", "facts": slot(_FACTS)}],
    }
    attachment = {"contentType": CARD, "contentUrl": None, "content": card}
    return Shape.of({"type": "message", "attachments": [attachment]})


_MESSAGE = _message()
