"""The check of a template when it is saved or tried: stricter than what a delivery needs.

A template that an earlier version saved is still filled in, whatever is refused here.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.formats.facts import Options
from portcall.schemas.formats.results import is_json
from portcall.schemas.formats.template import FIELDS, HOLE, MAX_TEMPLATE, content_type, document_of
from portcall.schemas.options.expressions import compiled
from portcall.schemas.options.trees import check_calls, names_read

_BRACES = re.compile(r"\{\{|\}\}|[{}]")
_BY_LOWER = {name.lower(): name for name in FIELDS}
_EXCERPT = 32


def check_template(text: str, options: Options) -> None:
    """Check a template.

    Raises:
        InvalidValueError: It is too long, it should be JSON and is not, an expression is not closed
            or wrong, reads a name that is not known, or calls a function with a wrong number of
            arguments.
    """
    if len(text) > MAX_TEMPLATE:
        raise InvalidValueError("", f"is longer than {MAX_TEMPLATE:,} characters")
    writes_json = is_json(content_type(options))
    document = document_of(text, writes_json=writes_json)
    for place, each in _texts(document, "the template" if writes_json else ""):
        _check_text(each, place)


def _texts(part: object, place: str) -> Iterator[tuple[str, str]]:
    """The texts in a part of a template, each with its place: ``the template.blocks[0].text``."""
    match part:
        case str():
            yield place, part
        case list():
            for index, each in enumerate(part):
                yield from _texts(each, f"{place}[{index}]")
        case dict():
            for key, each in part.items():
                yield from _texts(each, f"{place}.{key[:_EXCERPT]}")
        case _:
            pass  # numbers, truths and null are sent as they are


def _check_text(text: str, place: str) -> None:
    """Check a text with its expressions; *place* is empty for one that is the whole template."""
    start = opened = 0
    for index, piece in enumerate(HOLE.split(text)):
        if index % 2:
            try:
                _check_expression(piece.strip())
            except InvalidValueError:
                if "{{" in piece:  # the }} is that of a later expression
                    raise InvalidValueError("", _lonely("{{", text, start, place)) from None
                raise
            start += len(piece) + len("{{}}")
            continue
        for found in _BRACES.finditer(piece):
            opened = _opened_after(found[0], opened)
            if opened < 0:
                raise InvalidValueError("", _lonely(found[0], text, start + found.start(), place))
        start += len(piece)


def _opened_after(braces: str, opened: int) -> int:
    """How many braces are open after some more; below 0: these miss their counterpart.

    ``}}`` may close two braces of the text itself, as of JSON in a text. A single brace is never
    wrong.
    """
    match braces:
        case "{":
            return opened + 1
        case "}":
            return max(opened - 1, 0)
        case "}}":
            return opened - 2
        case _:
            return -1


def _lonely(braces: str, text: str, at: int, place: str) -> str:
    """The problem of ``{{`` or ``}}`` at an offset of a text."""
    other = "}}" if braces == "{{" else "{{"
    begin = 0 if place else text.rfind("\n", 0, at) + 1
    line = text.count("\n", 0, at) + 1
    where = f"{place or f'line {line}'}, at character {at + 1 - begin}"
    first = at if braces == "{{" else max(at + len(braces) - _EXCERPT, begin)
    excerpt = text[first : first + _EXCERPT].partition("\n")[0]
    return f"has {braces} without {other} in {where}: {excerpt!r}"


def _check_expression(text: str) -> None:
    try:
        tree = compiled(text).tree
        check_calls(tree)
    except InvalidValueError as error:
        raise InvalidValueError("", f"has an expression that {error.problem}") from None
    for name in names_read(tree):
        if name not in FIELDS:
            near = get_close_matches(name.lower()[:_EXCERPT], _BY_LOWER, 1)
            hint = f"; did you mean {_BY_LOWER[near[0]]}?" if near else f": use {', '.join(FIELDS)}"
            raise InvalidValueError("", f"{name[:_EXCERPT]} is not known{hint}")
