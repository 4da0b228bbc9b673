"""The format ``slack``: an incoming webhook's message, with blocks of plain text.

Plain text has no markup, so nothing of the event can be a mention; the short ``text``, which
notifications show, is escaped.

Source: Slack's references of incoming webhooks, Block Kit (header 150 characters, field 2,000) and
of formatting.
"""

from portcall.schemas.formats.facts import Facts, Options, encoded
from portcall.schemas.formats.messages.words import cut, entities, unmentioned, words_of
from portcall.schemas.formats.results import Rendered, Result

MAX_HEADER = 150


def render(facts: Facts, options: Options) -> Result:
    """Render an event."""
    del options
    words = words_of(facts)
    fields = [_plain(f"{name}\n{value}") for name, value in words.lines]
    header = {"type": "header", "text": _plain(cut(words.title, MAX_HEADER))}
    blocks = [header, {"type": "section", "fields": fields}]
    text = unmentioned(entities(words.title))
    return Rendered(encoded({"text": text, "blocks": blocks}))


def _plain(text: str) -> dict[str, object]:
    return {"type": "plain_text", "text": text, "emoji": False}
