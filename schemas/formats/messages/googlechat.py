"""The format ``google-chat``: a text message of a space's webhook.

A text may mention everybody as ``<users/all>``, and there is no escape for the brackets: they
become others that look alike.

Source: Google's references of Chat messages (32,000 bytes) and of their formatting.
"""

import re

from portcall.schemas.formats.facts import Facts, Options, encoded
from portcall.schemas.formats.messages.words import code, unmentioned, words_of
from portcall.schemas.formats.results import Rendered, Result

_BRACKETS = str.maketrans({"<": "\u2039", ">": "\u203a", "*": "\u2217", "~": "\u223c"})
_MARKS = re.compile("[<>*~]")
"""To look for them takes a third of the time of a translation, and few texts have any."""


def render(facts: Facts, options: Options) -> Result:
    """Render an event."""
    del options
    words = words_of(facts)
    lines = [_inert(words.title)]
    lines += [f"{name}: {_inert(value)}" for name, value in words.lines]
    return Rendered(encoded({"text": "\n".join(lines)}))


def _inert(text: str) -> str:
    """*text* as code, in which nothing is a mention or a link."""
    return code(unmentioned(text.translate(_BRACKETS) if _MARKS.search(text) else text))
