"""The format ``template``: a body of the owner's own, with ``{{ expressions }}`` of JMESPath.

A template of JSON is read as JSON first, and only its texts are filled in: so no value can break
out of its text. A text that is one expression and nothing else becomes its value, whatever the
type. Any other template is text, whose values are put on one line.

============================  ====================================================================
bound                         why
============================  ====================================================================
`MAX_TEMPLATE`, `MAX_HOLES`   a template is parsed once, and kept
`nesting.MAX_DEPTH`           each level is a call, when it is read and when it is filled in
`MAX_STEPS` of one body       no expression can loop: docs/decisions/0053
`MAX_BODY`                    a template may repeat a long value
============================  ====================================================================

docs/decisions/0062 says why it is JMESPath, and no template language. `template_checks` has the
check of a template when it is saved.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.extras import NONE
from portcall.schemas.formats.facts import Facts, Options, encoded
from portcall.schemas.formats.results import PLAIN_JSON, Rendered, Result, Unrenderable, is_json
from portcall.schemas.nesting import TOO_DEEP, is_too_deep
from portcall.schemas.options.expressions import Budget, Expression, compiled

MAX_TEMPLATE = 16_384
MAX_HOLES = 100
MAX_STEPS = 20_000
MAX_BODY = 262_144
FIELDS = (
    "id", "timestamp", "action", "registry", "host", "repository", "tag", "digest", "mediaType",
    "size", "actor", "artifactType", "platforms", "children", "tags", "image", "request", "payload",
)  # fmt: skip
"""What expressions see: nothing else is there."""

HOLE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
"""An expression with its braces."""
_CONTENT_TYPE = re.compile(
    r"[a-z]+/[a-z0-9!#$&^_.+-]{1,100}(?:; ?charset=utf-8)?", re.IGNORECASE | re.ASCII
)
Fill = Callable[[dict[str, Any], Budget], Any]
"""Gives a part of the body, of what expressions see."""


def render(facts: Facts, options: Options) -> Result:
    """Render an event."""
    budget = Budget(MAX_STEPS)
    writes_json = is_json(content_type(options))
    try:
        value = _parsed(options["template"], writes_json)(seen(facts), budget)
        body = encoded(value) if writes_json else str(value).encode()
    except InvalidValueError as error:
        return Unrenderable(f"the template {error.problem}".replace("this body", "this event"))
    except UnicodeEncodeError:
        return Unrenderable("the template makes a text that UTF-8 cannot say")
    except UnicodeDecodeError:
        return Unrenderable("the event's body is not UTF-8")
    if len(body) > MAX_BODY:
        return Unrenderable(
            f"the template makes {len(body):,} bytes; at most {MAX_BODY:,} are sent"
        )
    return Rendered(body)


def content_type(options: Options) -> str:
    """The content type of the POST."""
    return options.get("contentType") or PLAIN_JSON


def check_content_type(text: str) -> None:
    """Check a content type.

    Raises:
        InvalidValueError: It is none, or its charset is not UTF-8.
    """
    if not _CONTENT_TYPE.fullmatch(text):
        problem = "must be a content type in UTF-8, as in application/json or text/plain"
        raise InvalidValueError("", problem)


def seen(facts: Facts) -> dict[str, Any]:
    """What expressions see of an event."""
    extras = facts.event.extras or NONE
    payload: dict[str, Any] = msgspec.json.decode(facts.event.body)
    return {
        "id": facts.id,
        "timestamp": facts.time,
        "action": facts.action,
        "registry": facts.event.registry,
        "host": facts.host,
        "repository": facts.repository,
        "tag": facts.tag,
        "digest": facts.digest,
        "mediaType": facts.target.media_type or "",
        "size": facts.target.size,
        "actor": extras.actor,
        "artifactType": extras.artifact_type,
        "platforms": list(extras.platforms),
        "children": msgspec.to_builtins(extras.children),
        "tags": list(extras.tags),
        "image": "" if facts.is_ping else facts.reference,
        "request": payload.get("request", {}),
        "payload": payload,
    }


def document_of(text: str, *, writes_json: bool) -> object:
    """The JSON of a template, whose texts are not filled in; of another template its text.

    Raises:
        InvalidValueError: It should be JSON and is not, or has too many expressions.
    """
    if len(HOLE.findall(text)) > MAX_HOLES:
        raise InvalidValueError("", f"has more than {MAX_HOLES} expressions")
    if not writes_json:
        return text
    if is_too_deep(text.encode("utf-8", "surrogatepass")):
        raise InvalidValueError("", TOO_DEEP)
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError) as error:
        problem = f"must be JSON, whose texts may have {{{{ expressions }}}}: {error}"
        raise InvalidValueError("", problem) from None


@lru_cache(maxsize=256)
def _parsed(text: str, writes_json: bool) -> Fill:  # noqa: FBT001 (a key of the cache)
    """Parse a template.

    Raises:
        InvalidValueError: It cannot be read.
    """
    document = document_of(text, writes_json=writes_json)
    return _part(document) if writes_json else _text(text, on_one_line=True)


def _part(document: object) -> Fill:
    """A part of a JSON template."""
    match document:
        case str():
            return _text(document)
        case list():
            items = [_part(each) for each in document]
            return lambda known, budget: [fill(known, budget) for fill in items]
        case dict():
            fields = {key: _part(each) for key, each in document.items()}
            return lambda known, budget: {key: fill(known, budget) for key, fill in fields.items()}
        case _:
            return lambda _known, _budget: document


def _text(text: str, *, on_one_line: bool = False) -> Fill:
    """A text with its expressions."""
    pieces = HOLE.split(text)
    found = [_compiled(each.strip()) for each in pieces[1::2]]
    if not found:
        return lambda _known, _budget: text
    if len(found) == 1 and not on_one_line and not pieces[0] and not pieces[2]:
        return found[0].search
    texts = pieces[::2]

    def fill(known: dict[str, Any], budget: Budget) -> str:
        said = [texts[0]]
        for expression, after in zip(found, texts[1:], strict=True):
            value = _written(expression.search(known, budget))
            said += (" ".join(value.split()) if on_one_line else value, after)
        whole = "".join(said)
        if len(whole) > MAX_BODY:
            raise InvalidValueError("", f"makes a text of more than {MAX_BODY:,} characters")
        return whole

    return fill


def _compiled(text: str) -> Expression:
    try:
        return compiled(text)
    except InvalidValueError as error:
        raise InvalidValueError("", f"has an expression that {error.problem}") from None


def _written(value: object) -> str:
    """A value within a text: nothing for null, JSON for an array and an object."""
    if value is None:
        return ""
    return value if isinstance(value, str) else encoded(value).decode()
