"""What a message for people says of an event, before a chat's own escaping.

Each text is on one printable line and short, so that no message exceeds its chat's limits, even
where the escaping makes five characters of each.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from portcall.schemas.events import Action
from portcall.schemas.formats.facts import Facts, line

MAX_TITLE = 120
MAX_VALUE = 200
_TITLES: Mapping[str, str] = {
    Action.PUSH: "Pushed",
    Action.DELETE: "Deleted",
    Action.QUARANTINE: "Quarantined",
    Action.CHART_PUSH: "Chart pushed",
    Action.CHART_DELETE: "Chart deleted",
    Action.UNTAG: "Tag deleted",
}
Escape = Callable[[str], str]


class Words(Struct, frozen=True):
    """A message.

    Attributes:
        title: Such as ``Pushed team/app:v1``.
        lines: Names and values of what else is known.
    """

    title: str
    lines: Sequence[tuple[str, str]]


def words_of(facts: Facts) -> Words:
    """What to say of an event."""
    if facts.is_ping:
        return Words(
            f"Ping from Portcall ({facts.event.registry})", (("Time", f"{facts.time[:19]}Z"),)
        )
    subject = f"{facts.repository}:{facts.tag}" if facts.tag else facts.repository
    said = (
        ("Registry", facts.host),
        ("Digest", facts.digest),
        ("Tags", ", ".join(facts.tags)),
        ("Type", facts.event.extras.artifact_type if facts.event.extras else ""),
        ("By", facts.actor),
        ("Time", f"{facts.time[:19]}Z"),
    )
    lines = [(name, kept) for name, value in said if value and (kept := _kept(value))]
    title = cut(f"{_TITLES[facts.action]} {line(subject, 2 * MAX_TITLE)}", MAX_TITLE)
    return Words(title, lines)


def _kept(value: str) -> str:
    if len(value) <= MAX_VALUE and value.isprintable():  # nearly always
        return value
    return cut(line(value, MAX_VALUE + 1), MAX_VALUE)


def cut(text: str, limit: int) -> str:
    """*text* with at most *limit* characters; the last one shows that it was cut."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def entities(text: str) -> str:
    """Escape what begins a mention, a link or an entity in Slack. Source: Slack's formatting."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def replacing(marks: Mapping[str, str]) -> Escape:
    """Replaces characters by others.

    To look for them takes a third of the time of a translation, and few texts have any.
    """
    search = re.compile(f"[{re.escape(''.join(marks))}]").search
    replacements = str.maketrans(dict(marks))
    return lambda text: text.translate(replacements) if search(text) else text


markdown = replacing({each: f"\\{each}" for each in "\\`*_[]~|<>#"})
"""Escapes Markdown: each of its marks gets a backslash."""


def unmentioned(text: str) -> str:
    """*text* in which no ``@`` begins a mention: an invisible character follows each."""
    return text.replace("@", "@\u200b")


def code(text: str) -> str:
    """*text* as code in Markdown: nothing in it is markup, or a mention."""
    return "`" + text.replace("`", "'") + "`"
