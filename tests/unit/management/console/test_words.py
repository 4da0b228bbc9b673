"""How values are written."""

import json
import shlex

import pytest

from portcall.management.console import words
from portcall.schemas.webhooks import MASK

NOW = 1_700_000_000_000


@pytest.mark.parametrize(
    ("before_ms", "text"),
    [
        (0, "now"),
        (999, "now"),
        (1000, "1 s ago"),
        (59_999, "59 s ago"),
        (60_000, "1 min ago"),
        (3_599_999, "59 min ago"),
        (3_600_000, "1 h ago"),
        (86_400_000, "1 d ago"),
        (-10_500, "in 10 s"),
        (-7_200_000, "in 2 h"),
    ],
)
def test_times_are_told_by_their_distance(before_ms: int, text: str) -> None:
    assert words.ago(NOW - before_ms, NOW) == text


def test_times_are_exact_where_one_looks_closer() -> None:
    assert words.exact(NOW + 7) == "2023-11-14 22:13:20.007 UTC"
    assert words.moment(NOW + 7) == "2023-11-14T22:13:20.007Z"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, words.NOTHING),
        (0.04, "0.0 ms"),
        (9.94, "9.9 ms"),
        (12.4, "12 ms"),
        (999.0, "999 ms"),
        (1250.0, "1.25 s"),
        (15_000.0, "15.0 s"),
    ],
)
def test_durations_have_three_figures(value: float | None, text: str) -> None:
    assert words.milliseconds(value) == text


@pytest.mark.parametrize(
    ("share", "text", "tone"),
    [
        (None, words.NOTHING, "mute"),
        (1.0, "100 %", "good"),
        (0.99999, "99.9 %", "good"),
        (0.95, "95.0 %", "warn"),
        (0.5, "50.0 %", "bad"),
        (0.00001, "0.1 %", "bad"),
        (0.0, "0 %", "bad"),
    ],
)
def test_all_and_none_are_said_only_where_it_is_so(
    share: float | None, text: str, tone: str
) -> None:
    assert words.percent(share) == text
    assert words.tone_of_share(share) == tone


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.36, "0.4"), (9.9, "9.9"), (12.4, "12"), (1250.0, "1,250")]
)
def test_rates(value: float, text: str) -> None:
    assert words.rate(value) == text


@pytest.mark.parametrize(
    ("status", "tone"), [(200, "good"), (204, "good"), (301, "bad"), (429, "warn"), (500, "bad")]
)
def test_statuses_have_tones(status: int, tone: str) -> None:
    assert words.tone_of_status(status) == tone


HOSTILE = ["'; rm -rf ~; '", "$(id)", "`id`", "a\nb", "\\", '"', "é"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_command_is_one_command_whatever_was_sent(text: str) -> None:
    command = words.curl("POST", f"http://x.io/{text}", {"X-A": text, "Host": "x"}, text)
    parts = shlex.split(command.replace(" \\\n  ", " "))  # shlex knows no continued lines
    assert parts == [
        "curl", "-X", "POST", f"http://x.io/{text}", "-H", f"X-A: {text}", "--data-raw", text,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("uri", "options"),
    [
        ("http://h/a?b=/../c%2e", ["--path-as-is"]),
        ("http://h/a/../b", ["--path-as-is"]),
        ("http://h/.", ["--path-as-is"]),
        ("http://h/a/..?x", ["--path-as-is"]),
        ("http://[::1]/", ["--globoff"]),
        ("http://h/./{a}", ["--path-as-is", "--globoff"]),
        ("http://h.example/a.b/..c/%2e%2e/d?", []),
    ],
)
def test_a_command_sends_the_uri_as_it_is(uri: str, options: list[str]) -> None:
    parts = shlex.split(words.curl("POST", uri, {}, "").replace(" \\\n  ", " "))
    assert parts == ["curl", *options, "-X", "POST", uri, "--data-raw", ""]


def test_a_command_says_what_it_does_not_know() -> None:
    command = words.curl("POST", "http://x.io/", {"Authorization": MASK}, "{}")
    assert command.startswith("# ")
    assert shlex.split(command, comments=True)[0] == "curl"


def test_only_json_is_laid_out() -> None:
    assert json.loads(words.pretty('{"a":[1,"é"]}')) == {"a": [1, "é"]}
    assert "\n" in words.pretty('{"a":1}')
    for text in ("", "<html>", "{", "[" * 100_000, '{"a":1}' + " " * words.MAX_PRETTY):
        assert words.pretty(text) == text


def test_a_line_keeps_to_its_box() -> None:
    points = words.spark([0, 5, None, 10], width=90, height=20)
    pairs = [tuple(map(float, each.split(","))) for each in points.split()]
    assert pairs == [(0.0, 18.0), (30.0, 10.0), (60.0, 18.0), (90.0, 2.0)]


@pytest.mark.parametrize("values", [[], [1], [0, 0, 0], [None, None]])
def test_nothing_is_no_line(values: list[float | None]) -> None:
    assert words.spark(values) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the endpoint answered 410", "The endpoint answered 410."),
        ("Every attempt has failed since.", "Every attempt has failed since."),
        ("", ""),
    ],
)
def test_a_reason_becomes_a_sentence(text: str, shown: str) -> None:
    assert words.sentence(text) == shown


@pytest.mark.parametrize(
    ("text", "end", "parts"),
    [
        ("deploystaging", "", ("deploystaging", "")),
        ("team/app:v1", ":v1", ("team/app", ":v1")),
        ("AWebhookWithTheLongestName1234", "", ("AWebhookWithTheLonge", "stName1234")),
        (
            "Failing for 2 min: no attempt has succeeded since 19:38 UTC.",
            "",
            ("Failing for 2 min: no attempt has succeeded", " since 19:38 UTC."),
        ),
        ("", "", ("", "")),
    ],
)
def test_a_long_text_is_cut_before_its_end(text: str, end: str, parts: tuple[str, str]) -> None:
    assert words.parted(text, end) == parts
    assert "".join(parts) == text
