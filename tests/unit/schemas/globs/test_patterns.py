"""What each pattern matches, which texts are no pattern, and that the matcher takes no step back."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.globs.patterns import (
    MAX_PATTERN_LENGTH,
    MAX_WILDCARDS,
    Pattern,
    parse_pattern,
)
from tests.unit.schemas.globs import reference

NO_TAG = ""

MATCHES = [
    # pattern, repository of the event, its tag, matched?
    # no wildcard: that repository, with any tag and with none
    ("app", "app", "v1", True),
    ("app", "app", NO_TAG, True),
    ("app", "app2", "v1", False),
    ("app", "team/app", "v1", False),
    ("team/app", "team/app", NO_TAG, True),
    ("team/app", "team", "v1", False),
    ("Example.COM/app", "Example.COM/app", "v1", True),
    ("Example.COM/app", "example.com/app", "v1", False),
    # a tag without a wildcard
    ("app:v1", "app", "v1", True),
    ("app:v1", "app", "V1", False),
    ("app:v1", "app", "v1.0", False),
    ("app:v1", "app", NO_TAG, False),
    # * inside one part
    ("team/*", "team/app", "v1", True),
    ("team/*", "team/app", NO_TAG, True),
    ("team/*", "team", "v1", False),
    ("team/*", "team/app/web", "v1", False),
    ("*", "app", "v1", True),
    ("*", "team/app", "v1", False),
    ("*/*", "team/app", "v1", True),
    ("te*/app", "team/app", "v1", True),
    ("te*/app", "te/app", "v1", True),
    ("te*/app", "tom/app", "v1", False),
    ("*-web", "shop-web", "v1", True),
    ("*-web", "-web", "v1", True),
    ("*-web", "shop-web2", "v1", False),
    ("a*b*c", "abc", "v1", True),
    ("a*b*c", "aXbXbXc", "v1", True),
    ("a*b*c", "acb", "v1", False),
    ("a*b*c", "axxxc", "v1", False),
    ("a*b*c", "abbbd", "v1", False),
    ("a*[0-9]*b", "ax1xb", "v1", True),
    ("a*[0-9]*b", "axxxb", "v1", False),
    ("a*b[0-9]*c", "abxb1c", "v1", True),
    ("a*b[0-9]*c", "abxbxc", "v1", False),
    ("a*a", "a", "v1", False),
    ("a*a", "aa", "v1", True),
    ("*ab*ab", "abab", "v1", True),
    ("*ab*ab", "aab", "v1", False),
    # ** any parts, also none; at the end one at least
    ("**", "app", NO_TAG, True),
    ("**", "a/b/c/d", "v1", True),
    ("team/**", "team/app", "v1", True),
    ("team/**", "team/app/web", NO_TAG, True),
    ("team/**", "team", "v1", False),
    ("team/**", "team2/app", "v1", False),
    ("**/app", "app", "v1", True),
    ("**/app", "team/app", "v1", True),
    ("**/app", "a/b/app", "v1", True),
    ("**/app", "team/myapp", "v1", False),
    ("**/app", "app/web", "v1", False),
    ("a/**/b", "a/b", "v1", True),
    ("a/**/b", "a/x/y/b", "v1", True),
    ("a/**/b", "a/x/y/c", "v1", False),
    ("a/**/b", "a", "v1", False),
    ("a/**/a", "a", "v1", False),
    ("**/b/**", "b", "v1", False),
    ("**/b/**", "b/c", "v1", True),
    ("**/b/**", "a/b/c/d", "v1", True),
    ("**/b/**", "a/b", "v1", False),
    ("a/**/b/*/c/**", "a/b/b/x/c/d", "v1", True),
    ("a/**/b/*/c/**", "a/b/b/x/c", "v1", False),
    # ? one character
    ("app?", "app1", "v1", True),
    ("app?", "app", "v1", False),
    ("app?", "app12", "v1", False),
    ("a?p/x", "a/p/x", "v1", False),
    ("?*", "a", "v1", True),
    # sets
    ("app[0-9]", "app7", "v1", True),
    ("app[0-9]", "appx", "v1", False),
    ("app[!0-9]", "appx", "v1", True),
    ("app[^0-9]", "app7", "v1", False),
    ("app[!0-9]", "app", "v1", False),
    ("app[abc]x", "appbx", "v1", True),
    ("app[a-]x", "app-x", "v1", True),
    ("app[-a]x", "app-x", "v1", True),
    ("app[a-cx-z_]", "appz", "v1", True),
    ("app[a-cx-z_]", "app_", "v1", True),
    ("app[a-cx-z_]", "appd", "v1", False),
    # wildcards of tags
    ("app:v[0-9]*", "app", "v1.2.3", True),
    ("app:v[0-9]*", "app", "v", False),
    ("app:v[0-9]*", "app", "vx", False),
    ("app:v[0-9]*", "app", "V1", False),
    ("app:v[0-9]*", "app", NO_TAG, False),
    ("**:*-rc?", "team/app", "v1-rc2", True),
    ("**:*-rc?", "team/app", "v1-rc", False),
    ("**:[A-Z]*", "app", "Release", True),
    ("**:[A-Z]*", "app", "release", False),
    # an event without a tag counts as one with an empty tag
    ("app:*", "app", "v1", True),
    ("app:*", "app", NO_TAG, True),
    ("app:?*", "app", "v", True),
    ("app:?*", "app", NO_TAG, False),
    ("app:?", "app", NO_TAG, False),
    ("app:[!x]*", "app", NO_TAG, False),
]

WRONG = [
    # pattern, the character that is wrong (0: none is named), part of the message
    ("", 0, "is empty; write a pattern, as in team/*"),
    ("!", 0, "is empty"),
    ("!!a", 2, "'!' stands at the beginning of a pattern only"),
    ("a!b", 2, "'!' stands at the beginning"),
    ("/team/*", 1, "does not begin with /"),
    ("team/", 5, "write team/** for all that is below team"),
    ("team//app", 6, "write * for any one part, ** for any number"),
    (":v1", 1, "write ** for every repository, as in **:v1"),
    ("!:v1", 2, "the repository is missing"),
    ("team/app:", 9, "leave the ':' out for any tag and none"),
    ("team/app:v1:v2", 12, "a pattern has one ':'"),
    ("registry.example.com:5000/team/*", 26, "leave out the port"),
    ("team**", 5, "** takes the place of whole parts, as in team/**; write one *"),
    ("!team**", 6, "** takes the place of whole parts"),
    ("team/***", 6, "** takes the place of whole parts"),
    ("a/**/**", 6, "a second ** adds nothing"),
    ("a:v**", 4, "** is for repositories; write one *"),
    ("a[", 2, "the '[' has no ']'"),
    ("a[]", 2, "the set is empty"),
    ("a[!]", 2, "the set is empty"),
    ("a[/]", 2, "the '[' has no ']'"),
    ("a[9-0]", 3, "9-0 is no range"),
    ("a[a-Z]", 3, "a-Z is no range"),
    ("a[A-z]", 3, "A-z is no range"),
    ("a[0-²]", 3, "0-² is no range"),
    ("a[é]", 3, "'é' is not a character of names"),
    ("a[[:digit:]]", 2, "the '[' has no ']'"),
    ("a]", 2, "']' has no '[' before it"),
    (r"a\*", 2, "there is no escape"),
    ("{a,b}/*", 1, "write a pattern for each alternative"),
    ("a,b", 2, "write a pattern for each alternative"),
    (" team/*", 1, "' ' is in no name"),
    ("team/*\n", 7, "'\\n' is in no name"),
    ("téam/*", 2, "'é' is in no name"),
    ("team/*@sha256", 7, "'@' is in no name"),
    ("team/App", 6, "only a host before the first / has upper case; write app"),
    ("*/aPp/x", 4, "only a host before the first / has upper case; write app"),
    ("App", 0, "'App' is not a repository name"),
    ("a..b", 1, "no repository has the part 'a..b'"),
    ("team/-a/*", 6, "no repository has the part '-a'; its . _ - stand between"),
    ("team/" + "a" * 256 + "/*", 6, "no repository has the part"),
    ("a:.x", 0, "'.x' is not a tag"),
    ("a:" + "x" * 129, 0, "is not a tag"),
    ("?" * 9, 0, "has 9 wildcards; a pattern has 8 at most"),
    ("*/**/*/?[a]*:*?*", 0, "has 9 wildcards"),
    ("x" * (MAX_PATTERN_LENGTH + 1), 0, "has 642 characters; a pattern has 641 at most"),
]


def matches(pattern: Pattern, repository: str, tag: str) -> bool:
    return pattern.matches(repository.split("/"), tag)


@pytest.mark.parametrize(
    ("text", "repository", "tag", "expected"),
    [pytest.param(*row, id=f"{row[0]} / {row[1]}:{row[2]}") for row in MATCHES],
)
def test_what_a_pattern_matches(text: str, repository: str, tag: str, *, expected: bool) -> None:
    assert matches(parse_pattern(text), repository, tag) is expected
    assert reference.matches(text, repository, tag) is expected


@pytest.mark.parametrize(
    ("text", "at", "message"), [pytest.param(*row, id=repr(row[0][:40])) for row in WRONG]
)
def test_a_text_that_is_no_pattern(text: str, at: int, message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_pattern(text, "scopes[3]")
    assert caught.value.field == "scopes[3]"
    assert message in caught.value.problem
    named = f"character {at} of " in caught.value.problem if at else True
    assert named, caught.value.problem


def test_a_long_pattern_is_shown_cut_off() -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_pattern("a" * 500 + "/")
    assert len(caught.value.problem) < 300


@pytest.mark.parametrize(
    ("text", "prefix", "suffix"),
    [
        ("**", "", ""),
        ("*:v1", "", ""),
        ("team/*", "team/", ""),
        ("team/**", "team/", ""),
        ("team/ap?", "team/ap", ""),
        ("team/a[pq]p:v1", "team/a", "p"),
        ("team/app", "team/app:", ""),
        ("team/app:*", "team/app:", ""),
        ("team/app:v*", "team/app:v", ""),
        ("!team/app:v1", "team/app:v1", ""),
        ("*/app", "", "/app"),
        ("**/app", "", "app"),
        ("a/**/b/c:v1", "a/", "b/c"),
        ("a/*-web", "a/", "-web"),
    ],
)
def test_what_stands_before_and_behind_all_wildcards(text: str, prefix: str, suffix: str) -> None:
    pattern = parse_pattern(text)
    assert (pattern.prefix, pattern.suffix) == (prefix, suffix)


def test_the_longest_names_can_be_written_out() -> None:
    host, path, tag = "H" * 255, "p" * 255, "t" * 128
    pattern = parse_pattern(f"!{host}/{path}:{tag}")
    assert len(pattern.text) == MAX_PATTERN_LENGTH
    assert matches(pattern, f"{host}/{path}", tag)


# Few letters, so that much of what is made fits.
names = st.text("ab-", min_size=1, max_size=6)
repositories = st.lists(names, min_size=1, max_size=5).map("/".join)
tags = st.text("abV1.", max_size=6)
words = st.lists(
    st.sampled_from(["a", "b", "ab", "-", "*", "?", "[ab]", "[!a]", "[a-b1]"]),
    min_size=1,
    max_size=6,
).map("".join)
patterns = st.builds(
    lambda bang, parts, tag: bang + "/".join(parts) + (f":{tag}" if tag else ""),
    st.sampled_from(["", "!"]),
    st.lists(words | st.just("**"), min_size=1, max_size=5),
    st.none() | words,
)


@given(patterns, repositories, tags)
def test_it_matches_what_the_slow_matcher_matches(text: str, repository: str, tag: str) -> None:
    try:
        pattern = parse_pattern(text)
    except InvalidValueError:
        return
    found = matches(pattern, repository, tag)
    assert found == reference.matches(text.removeprefix("!"), repository, tag)
    assert not found or f"{repository}:{tag}".startswith(pattern.prefix)
    assert not found or repository.endswith(pattern.suffix)


@given(words, st.text("ab-", max_size=12))
def test_so_it_does_inside_one_part(text: str, part: str) -> None:
    try:
        pattern = parse_pattern(f"**:{text}")
    except InvalidValueError:
        return
    assert matches(pattern, "x", part) == reference.fits(text, part)


@given(st.text(max_size=40) | st.text("ab*?[]!^-/:.\\", max_size=20))
def test_any_text_is_a_pattern_or_is_refused_with_its_place(text: str) -> None:
    told = f"here: {text}"
    try:
        told = f"here: {parse_pattern(text, 'here').text}"
    except InvalidValueError as error:
        told = str(error)
    assert told.startswith("here: ")


HOSTILE = [
    # each makes a matcher that goes back try a number of ways that is a power of the length
    pytest.param("*a*a*a*a*a*a*a*b", "a" * 255, id="stars"),
    pytest.param("*[ab]*[ab]*[ab]*[!a]", "a" * 255, id="stars and sets"),
    pytest.param("*" + "a" * 100 + "[!a]*" + "a" * 100 + "b", "a" * 255, id="long runs"),
    pytest.param("**/a/**/a/**/a/**/b", "/".join("a" * 128), id="parts"),
    pytest.param("**/a*a*b/**/a", "/".join(["aaa"] * 64), id="parts with stars"),
]


@pytest.mark.parametrize(("text", "repository"), HOSTILE)
def test_no_pattern_takes_long(text: str, repository: str) -> None:
    """A matcher that goes back would take years; this one some hundred microseconds."""
    pattern, parts = parse_pattern(text), repository.split("/")
    began = time.process_time()
    assert not pattern.matches(parts, "v1")
    assert time.process_time() - began < 0.05


def test_two_stars_and_a_set_are_one_wildcard_each() -> None:
    text = "**/*/?[ab]*:*?[!b]"
    assert parse_pattern(text).text == text
    with pytest.raises(InvalidValueError):
        parse_pattern(f"{text}*")
    assert MAX_WILDCARDS == 8
