"""Decoding of untrusted JSON, with errors that name the sender's own fields."""

import re
from typing import TypeVar

import msgspec

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.nesting import check_depth

T = TypeVar("T")

_WITH_PATH = re.compile(r"(?P<problem>.*) - at `\$(?P<path>.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`", re.DOTALL)
_WRONG_TYPE = re.compile(r"Expected `(?P<wanted>[^`]+)`(?:, got `(?P<got>[^`]+)`)?(?P<range>.*)")
_TYPES = {
    "str": "a string",
    "int": "a whole number",
    "float": "a decimal number",
    "bool": "a boolean",
    "object": "an object",
    "array": "an array",
}
"""Names of types for people; msgspec uses Python's. null is null in both."""
_HALF_PAIR = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def decode(decoder: msgspec.json.Decoder[T], body: bytes, path: str = "") -> T:
    """Decode *body*.

    Args:
        decoder: For the expected type.
        body: JSON, if it is valid.
        path: The position of *body* in the request, e.g. ``[3].data``; empty: it is the whole.

    Raises:
        InvalidValueError: It is not UTF-8, not JSON, nested too deeply, or of another shape;
            ``field`` is the path of the wrong part.
    """
    if not body:
        raise _whole(path, "is empty")
    check_depth(body, path)
    try:
        body.decode()
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise complaint(error, path) from error
    except UnicodeDecodeError as error:
        raise _whole(path, f"is not UTF-8: {error.reason} at byte {error.start}") from error
    except msgspec.DecodeError as error:
        why = str(error).removeprefix("JSON is malformed: ")
        if _HALF_PAIR.search(body):
            why += "; is there half of a surrogate pair?"
        raise _whole(path, f"is not JSON: {why}") from error


def joined(path: str, field: str) -> str:
    """The path of *field* inside *path*, e.g. of ``target.tag`` in ``[3]``."""
    if not path or not field or field.startswith("["):
        return path + field
    return f"{path}.{field}"


def _whole(path: str, problem: str) -> InvalidValueError:
    return InvalidValueError(path, problem if path else f"the body {problem}")


def complaint(error: msgspec.ValidationError, path: str) -> InvalidValueError:
    """Parse ``Expected `int`, got `str` - at `$[3].target.size```."""
    message = str(error)
    where = _WITH_PATH.fullmatch(message)
    problem, field = (where["problem"], where["path"].lstrip(".")) if where else (message, "")
    field = joined(path, field)
    if missing := _MISSING.fullmatch(problem):
        return InvalidValueError(joined(field, missing["name"]), "is required")
    return _whole(field, _in_words(problem))


def _in_words(problem: str) -> str:
    """``Expected `str | null`, got `int``` as ``must be a string, not a whole number``."""
    match = _WRONG_TYPE.fullmatch(problem)
    if match is None:
        return problem.replace("`", "")
    wanted = [_TYPES[each] for each in match["wanted"].split(" | ") if each in _TYPES]
    got = f", not {_TYPES.get(match['got'], match['got'])}" if match["got"] else ""
    return f"must be {' or '.join(wanted) or match['wanted']}{got}{match['range']}"
