"""JSON from strangers: the decoder's complaints in the words of the sender's own fields."""

import re
from typing import TypeVar

import msgspec

from portcall.schemas.errors import InvalidValueError

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
"""What people call the types that msgspec names as Python does; null is null for both."""
_HALF_PAIR = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def decode(decoder: msgspec.json.Decoder[T], body: bytes, path: str = "") -> T:
    """Read *body* as what *decoder* wants.

    Args:
        decoder: For the type that is wanted.
        body: JSON, one hopes.
        path: Where *body* stands in the request, e.g. ``[3].data``; empty: it is the whole.

    Raises:
        InvalidValueError: It is not UTF-8, not JSON, nested too deeply, or of another shape;
            ``field`` is the path of what is wrong.
    """
    if not body:
        raise _whole(path, "is empty")
    try:
        body.decode()
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise complaint(error, path) from error
    except UnicodeDecodeError as error:
        raise _whole(path, f"is not UTF-8: {error.reason} at byte {error.start}") from error
    except RecursionError as error:
        raise _whole(path, "is nested too deeply") from error
    except msgspec.DecodeError as error:
        why = str(error).removeprefix("JSON is malformed: ")
        if _HALF_PAIR.search(body):
            why += "; is there half of a surrogate pair?"
        raise _whole(path, f"is not JSON: {why}") from error


def joined(path: str, field: str) -> str:
    """The path of *field* inside what stands at *path*, e.g. ``[3]`` and ``target.tag``."""
    if not path or not field or field.startswith("["):
        return path + field
    return f"{path}.{field}"


def _whole(path: str, problem: str) -> InvalidValueError:
    return InvalidValueError(path, problem if path else f"the body {problem}")


def complaint(error: msgspec.ValidationError, path: str) -> InvalidValueError:
    """Take ``Expected `int`, got `str` - at `$[3].target.size``` apart."""
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
