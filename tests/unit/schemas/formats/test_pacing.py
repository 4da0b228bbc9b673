import pytest

from portcall.schemas.formats.answers import MAX_ASKED_MS, asks_as_discord, asks_nothing
from portcall.schemas.formats.table import FORMATS

USED_UP = {"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "0"}


@pytest.mark.parametrize(
    ("status", "headers", "content", "asked_ms"),
    [
        pytest.param(204, {}, "", 0, id="no word"),
        pytest.param(
            204,
            {"X-RateLimit-Remaining": "1", "X-RateLimit-Reset-After": "2"},
            "",
            0,
            id="one left",
        ),
        pytest.param(204, {**USED_UP, "X-RateLimit-Reset-After": "1.2345"}, "", 1235, id="used up"),
        pytest.param(
            200,
            {"x-ratelimit-remaining": " 0", "x-ratelimit-reset-after": " 2 "},
            "",
            2000,
            id="names have no case",
        ),
        pytest.param(204, USED_UP, "", 0, id="used up until nobody knows when"),
        pytest.param(204, {}, '{"retry_after": 9}', 0, id="content of a success"),
        pytest.param(
            429,
            {},
            '{"message": "You are being rate limited.", "retry_after": 0.529, "global": false}',
            529,
            id="refused",
        ),
        pytest.param(
            429,
            {**USED_UP, "X-RateLimit-Reset-After": "7"},
            '{"retry_after": 3}',
            7000,
            id="the longer one counts",
        ),
        pytest.param(
            429, {"X-RateLimit-Global": "true"}, '{"retry_after": 65}', 65000, id="global"
        ),
        pytest.param(429, {}, '{"retry_after": 1e300}', MAX_ASKED_MS, id="at most a day"),
        pytest.param(429, {}, "429 Too Many", 0, id="no JSON"),
        pytest.param(429, {}, "[1]", 0, id="no object"),
        pytest.param(429, {}, '{"retry_after": true}', 0, id="no number"),
        pytest.param(429, {}, '{"retry_after": null}', 0, id="null"),
        pytest.param(429, {}, '{"retry_after": "soon"}', 0, id="a word"),
        pytest.param(429, {}, '{"retry_after": -5}', 0, id="in the past"),
        pytest.param(429, {}, '{"retry_after": "nan"}', 0, id="not a number"),
        pytest.param(429, {}, '{"retry_after": "inf"}', MAX_ASKED_MS, id="for ever"),
    ],
)
def test_discord_says_when_its_window_begins_again(
    status: int, headers: dict[str, str], content: str, asked_ms: int
) -> None:
    assert asks_as_discord(status, headers, content) == asked_ms


def test_only_discord_has_words_of_its_own() -> None:
    own = [name for name, each in FORMATS.items() if each.pacing is not asks_nothing]
    assert own == ["discord"]
    assert asks_nothing(429, USED_UP, '{"retry_after": 3}') == 0
