"""The format ``mattermost``: an incoming webhook's message with an attachment.

Mattermost reads Markdown and mentions everywhere: so texts are escaped, no ``@`` begins a mention,
and values are code.

Source: Mattermost's references of incoming webhooks and of message attachments.
"""

from portcall.schemas.events import Action
from portcall.schemas.formats.facts import Facts, Options, encoded
from portcall.schemas.formats.messages.words import code, markdown, unmentioned, words_of
from portcall.schemas.formats.results import Rendered, Result

_COLOURS = {Action.PUSH.value: "#2e7d32", Action.DELETE.value: "#c62828"}


def render(facts: Facts, options: Options) -> Result:
    """Render an event."""
    del options
    words = words_of(facts)
    title = unmentioned(markdown(words.title))
    fields = [
        {"short": len(value) < 40, "title": name, "value": code(unmentioned(value))}
        for name, value in words.lines
    ]
    attachment = {
        "fallback": title,
        "color": _COLOURS.get(facts.action, "#607d8b"),
        "text": f"**{title}**",
        "fields": fields,
    }
    return Rendered(encoded({"attachments": [attachment]}))
