"""A webhook's format in the form: its name is chosen, and its settings are lines ``key=value``.

A template is the last of them: everything behind ``template=`` belongs to it, however many lines.
"""

from collections.abc import Mapping

from portcall.schemas.formats.chosen import NAME, TEMPLATE

_TEMPLATE = f"{TEMPLATE}="


def format_of(name: str, lines: str) -> dict[str, str] | None:
    """What the API is sent; None: ACR's.

    A line that is no setting becomes one without a value, so that the API says what is wrong.
    """
    settings, marked, text = _split(lines)
    found = {}
    for line in settings.split("\n"):
        key, _, value = line.partition("=")
        if key.strip():
            found[key.strip()] = value.strip()
    if marked:
        found[TEMPLATE] = text.strip()
    if not name and not found:
        return None
    return {**found, NAME: name or "acr"}


def format_lines(stored: Mapping[str, str] | None) -> str:
    """What the form begins with."""
    options = {key: value for key, value in (stored or {}).items() if key not in (NAME, TEMPLATE)}
    lines = [f"{key}={value}" for key, value in options.items()]
    if stored and TEMPLATE in stored:
        lines.append(_TEMPLATE + stored[TEMPLATE])
    return "\n".join(lines)


def _split(lines: str) -> tuple[str, bool, str]:
    """The other settings, whether there is a template, and its text."""
    if lines.startswith(_TEMPLATE):
        return "", True, lines.removeprefix(_TEMPLATE)
    before, marked, after = lines.partition("\n" + _TEMPLATE)
    return before, bool(marked), after
