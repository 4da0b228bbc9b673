"""The format ``discord``: a webhook's message with one embed, which may mention nobody.

Source: Discord's API reference: Execute Webhook, Embed Limits (title 256, field value 1,024), and
Allowed Mentions.
"""

from portcall.schemas.events import Action
from portcall.schemas.formats.facts import Facts, Options, encoded
from portcall.schemas.formats.messages.words import code, markdown, unmentioned, words_of
from portcall.schemas.formats.results import Rendered, Result

_COLOURS = {Action.PUSH.value: 0x2E7D32, Action.DELETE.value: 0xC62828}


def render(facts: Facts, options: Options) -> Result:
    """Render an event."""
    del options
    words = words_of(facts)
    embed = {
        "title": unmentioned(markdown(words.title)),
        "color": _COLOURS.get(facts.action, 0x607D8B),
        "fields": [
            {"name": name, "value": code(unmentioned(value)), "inline": False}
            for name, value in words.lines
            if name != "Time"
        ],
        "timestamp": facts.time[:19] + "Z",
    }
    return Rendered(encoded({"allowed_mentions": {"parse": []}, "embeds": [embed]}))
