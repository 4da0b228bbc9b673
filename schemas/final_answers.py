"""Final answers: which answers of a receiver mean "no", and not "not now".

ACR repeats a POST after every answer that is not 2xx. Some receivers answer 400 to every event that
they have no use for, and will answer the same each time. An owner can say for each webhook which
answers are final: such a delivery is refused by the receiver, and not attempted again.

The setting has one text, as the store keeps it: ``receiver-refuses``, or statuses and the class
``4xx`` as in ``400,404``. None is ACR's rule: no answer is final.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import lru_cache

from portcall.schemas.errors import InvalidValueError

ACR = "acr"
"""The preset that is the default: no answer is final."""
RECEIVER_REFUSES = "receiver-refuses"
"""The preset of answers that say: the receiver will never take this POST."""
CLIENT_ERRORS = "4xx"
"""Every status from 400 to 499 that can be final."""
MAX_ENTRIES = 100

_PRESETS = {RECEIVER_REFUSES: frozenset({400, 401, 403, 404, 405, 413, 415, 422})}
_SERVER_ERRORS = frozenset({500, 501, 505})
"""A receiver says these itself, some of a body that they cannot read. The others are said by a
gateway, or by a server in trouble (502, 503, 504, 507, and CDNs' 520 to 530): they mean "not now".
"""
_NEVER = {
    408: "408 asks for the same request again",
    410: "410 disables the webhook",
    425: "425 asks for the same request again, later",
    429: "429 says when to come back, not that the delivery is unwanted",
}
"""Source: RFC 9110, 15.5.9 and 15.5.11; RFC 8470, 5.2; RFC 6585, 4."""
_ALL_CLIENT_ERRORS = frozenset(range(400, 500)) - frozenset(_NEVER)
_EXAMPLE = f'must be "{ACR}", "{RECEIVER_REFUSES}", or statuses such as 400,404 or {CLIENT_ERRORS}'


def parse_final_answers(value: object, field: str = "finalAnswers") -> str | None:
    """Read the setting: a preset, a list of statuses and ``4xx``, or the same as one text.

    Returns:
        The text that the store keeps, ascending and without doubles; None: no answer is final.

    Raises:
        InvalidValueError: It is none of these, or an answer in it can never be final.
    """
    if isinstance(value, str):
        value = value.strip().lower()
    if value is None or value in ("", ACR):
        return None
    if value == RECEIVER_REFUSES:
        return RECEIVER_REFUSES
    if isinstance(value, str):
        given = [word.strip() for word in value.split(",")]
        words = _entries(given, field, is_text=True)
    elif isinstance(value, list):
        words = _entries(value, field, is_text=False)
    else:
        raise InvalidValueError(field, _EXAMPLE)
    return ",".join(sorted(words)) or None


def shown(text: str) -> str | list[int | str]:
    """The setting as the API shows it: the name of a preset, or a list."""
    if text in _PRESETS:
        return text
    return [int(word) if word.isdecimal() else word for word in text.split(",")]


def words_of(answers: str | Sequence[int | str]) -> str:
    """What `shown` returns, on one line."""
    return answers if isinstance(answers, str) else ", ".join(map(str, answers))


@lru_cache(maxsize=1024)
def final_statuses(text: str | None) -> frozenset[int]:
    """The statuses that end a delivery, of the text that the store keeps."""
    if text is None:
        return frozenset()
    if text in _PRESETS:
        return _PRESETS[text]
    return frozenset[int]().union(*(_statuses(word) for word in text.split(",")))


def _statuses(word: str) -> Iterable[int]:
    """Those of one entry; none of one that a newer version wrote and this one does not know."""
    if word == CLIENT_ERRORS:
        return _ALL_CLIENT_ERRORS
    return (int(word),) if word.isdecimal() else ()


def _entries(values: Sequence[object], field: str, *, is_text: bool) -> set[str]:
    """Check a list; an error names the position in it, or in a text only the word."""
    if len(values) > MAX_ENTRIES:
        raise InvalidValueError(field, f"has {len(values)} entries; at most {MAX_ENTRIES} fit")
    return {
        _entry(value, field if is_text else f"{field}[{at}]") for at, value in enumerate(values)
    }


def _entry(value: object, field: str) -> str:
    """Check one entry and return it as text."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise InvalidValueError(field, f"must be a status such as 400, or {CLIENT_ERRORS}")
    # A huge number has no text: Python refuses to write more than 4,300 digits.
    word = value.lower()[:20] if isinstance(value, str) else str(min(max(value, -1), 1000))
    if word == CLIENT_ERRORS:
        return word
    if word in (ACR, RECEIVER_REFUSES):
        raise InvalidValueError(field, f"{word!r} is a preset and stands alone")
    if near := get_close_matches(word, (ACR, RECEIVER_REFUSES), 1):
        raise InvalidValueError(field, f"{word!r} is not known; did you mean {near[0]}?")
    if not (word.isascii() and word.isdecimal() and len(word) == 3 and "100" <= word <= "599"):
        problem = (
            f"{word!r} is neither a status from 400 to 599 nor {CLIENT_ERRORS};"
            f" write {ACR} for none, or {RECEIVER_REFUSES} for the usual ones"
        )
        raise InvalidValueError(field, problem)
    if why := _never(int(word)):
        raise InvalidValueError(field, f"{word} cannot be final: {why}")
    return word


def _never(status: int) -> str:
    """Why an answer is never final; empty: it may be."""
    if status in _NEVER:
        return _NEVER[status]
    if status < 200:
        return "1xx announces another answer"
    if status < 300:
        return "2xx means delivered"
    if status < 400:
        return "3xx names another address, and refuses nothing"
    if status < 500 or status in _SERVER_ERRORS:
        return ""
    return 'it means "not now"; of the 5xx only 500, 501 and 505 can be final'
