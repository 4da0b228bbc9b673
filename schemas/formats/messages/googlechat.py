"""The format ``google-chat``: a text message of a space's webhook.

A text may mention everybody as ``<users/all>``, and there is no escape for the brackets: they
become others that look alike.

Source: Google's references of Chat messages (32,000 bytes) and of their formatting.
"""

from portcall.schemas.formats.facts import Facts, Options, encoded
from portcall.schemas.formats.messages.words import code, replacing, unmentioned, words_of
from portcall.schemas.formats.results import Rendered, Result

_alike = replacing({"<": "\u2039", ">": "\u203a", "*": "\u2217", "~": "\u223c"})


def render(facts: Facts, options: Options) -> Result:
    """Render an event."""
    del options
    words = words_of(facts)
    lines = [_inert(words.title)]
    lines += [f"{name}: {_inert(value)}" for name, value in words.lines]
    return Rendered(encoded({"text": "\n".join(lines)}))


def _inert(text: str) -> str:
    """*text* as code, in which nothing is a mention or a link."""
    return code(unmentioned(_alike(text)))
