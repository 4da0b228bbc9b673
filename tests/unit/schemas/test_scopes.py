"""What each scope covers, and which texts are no scope."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.scopes import (
    EVERYTHING,
    Breadth,
    Scope,
    check_repository,
    check_tag,
    parse_scope,
)

NO_TAG = ""
DIGEST_LIKE_TAG = "sha256-" + "a" * 64 + ".sig"
LONGEST_TAG = "t" * 128
LONGEST_REPOSITORY = "r" * 255
LONGEST_BEHIND_A_HOST = "H" * 255 + "/" + LONGEST_REPOSITORY

COVERS = [
    # scope, repository of the event, its tag, covered?
    # the empty scope: everything
    ("", "app", "latest", True),
    ("", "app", "v1", True),
    ("", "app", NO_TAG, True),
    ("", "team/app", "v1", True),
    ("", "a/b/c/d/e", NO_TAG, True),
    ("", "", NO_TAG, True),
    # a bare repository: its tag latest, and nothing else
    ("app", "app", "latest", True),
    ("app", "app", "v1", False),
    ("app", "app", NO_TAG, False),
    ("app", "app", "Latest", False),
    ("app", "app", "LATEST", False),
    ("app", "app", "latest-1", False),
    ("app", "app2", "latest", False),
    ("app", "ap", "latest", False),
    ("app", "team/app", "latest", False),
    ("app", "app/team", "latest", False),
    ("app", "", "latest", False),
    ("team/app", "team/app", "latest", True),
    ("team/app", "team/app", "v1", False),
    ("team/app", "team", "latest", False),
    ("team/app", "app", "latest", False),
    ("latest", "latest", "latest", True),
    ("latest", "app", "latest", False),
    # a repository with a tag: exactly that tag
    ("app:latest", "app", "latest", True),
    ("app:latest", "app", "v1", False),
    ("app:latest", "app", NO_TAG, False),
    ("app:v1", "app", "v1", True),
    ("app:v1", "app", "v1.0", False),
    ("app:v1", "app", "v", False),
    ("app:v1", "app", "V1", False),
    ("app:v1", "app", "latest", False),
    ("app:v1", "app", NO_TAG, False),
    ("app:v1", "team/app", "v1", False),
    ("app:V1", "app", "V1", True),
    ("app:V1", "app", "v1", False),
    ("app:1", "app", "1", True),
    ("app:_x", "app", "_x", True),
    ("app:1.2.3-rc.1_x", "app", "1.2.3-rc.1_x", True),
    ("app:1.2.3", "app", "1-2-3", False),
    ("app:5000", "app", "5000", True),
    ("localhost:5000", "localhost", "5000", True),
    (f"app:{DIGEST_LIKE_TAG}", "app", DIGEST_LIKE_TAG, True),
    (f"app:{LONGEST_TAG}", "app", LONGEST_TAG, True),
    ("team/app:v1", "team/app", "v1", True),
    ("team/app:v1", "team/app2", "v1", False),
    ("team/app:v1", "team/sub/app", "v1", False),
    ("a/b/c/d:v1", "a/b/c/d", "v1", True),
    ("a/b/c/d:v1", "a/b/c", "v1", False),
    # a repository with a star: every tag, and no tag
    ("app:*", "app", "latest", True),
    ("app:*", "app", "v1", True),
    ("app:*", "app", NO_TAG, True),
    ("app:*", "app", "V1", True),
    ("app:*", "app2", "v1", False),
    ("app:*", "ap", "v1", False),
    ("app:*", "team/app", "v1", False),
    ("app:*", "app/sub", "v1", False),
    ("app:*", "app/sub", NO_TAG, False),
    ("app:*", "", NO_TAG, False),
    ("team/app:*", "team/app", "v1", True),
    ("team/app:*", "team/app", NO_TAG, True),
    ("team/app:*", "team", "v1", False),
    ("team/app:*", "team/app/sub", "v1", False),
    ("team/app:*", "team/app2", "v1", False),
    # separators inside names
    ("a.b-c_d:*", "a.b-c_d", "v1", True),
    ("a.b-c_d:*", "a-b-c-d", "v1", False),
    ("a__b:v1", "a__b", "v1", True),
    ("a__b:v1", "a_b", "v1", False),
    ("a---b:*", "a---b", NO_TAG, True),
    ("0/1:2", "0/1", "2", True),
    (f"{LONGEST_REPOSITORY}:*", LONGEST_REPOSITORY, "v1", True),
    # a first part that looks like a host: the registries of docker distribution take it
    ("Example.COM/app:v1", "Example.COM/app", "v1", True),
    ("Example.COM/app:v1", "example.com/app", "v1", False),
    ("Example.COM/app:*", "Example.COM/app", NO_TAG, True),
    ("Example.COM/app", "Example.COM/app", "latest", True),
    ("Team/app:*", "Team/app", "v1", True),
    ("Team/app:*", "team/app", "v1", False),
    ("a--B.c/x__y/z:v1", "a--B.c/x__y/z", "v1", True),
    (f"{LONGEST_BEHIND_A_HOST}:*", LONGEST_BEHIND_A_HOST, "v1", True),
]


@pytest.mark.parametrize(("text", "repository", "tag", "covered"), COVERS)
def test_a_scope_covers_what_the_table_says(
    text: str, repository: str, tag: str, *, covered: bool
) -> None:
    assert parse_scope(text).covers(repository, tag) is covered


def test_the_table_of_scopes_has_its_rows() -> None:
    assert len(COVERS) >= 60
    assert len({row[:3] for row in COVERS}) == len(COVERS)


REFUSED = [
    pytest.param("*", id="a star alone"),
    pytest.param("*:*", id="stars only"),
    pytest.param("team/*", id="a star for a part"),
    pytest.param("team/*:v1", id="a star for a part, with a tag"),
    pytest.param("app*:v1", id="a star in a name"),
    pytest.param("app:v*", id="a star in a tag"),
    pytest.param("app:**", id="two stars"),
    pytest.param("app:", id="no tag after the colon"),
    pytest.param(":v1", id="no repository before the colon"),
    pytest.param(":", id="a colon alone"),
    pytest.param("app::v1", id="two colons"),
    pytest.param("app:v1:v2", id="two tags"),
    pytest.param("localhost:5000/app", id="a host with a port"),
    pytest.param("localhost:5000/app:v1", id="a host with a port, and a tag"),
    pytest.param("app@sha256:" + "a" * 64, id="a digest"),
    pytest.param("app:v1@sha256:" + "a" * 64, id="a tag and a digest"),
    pytest.param("sha256:" + "a" * 129, id="a tag that is too long"),
    pytest.param("App:v1", id="upper case"),
    pytest.param("team/App", id="upper case in a part"),
    pytest.param("/app", id="an empty first part"),
    pytest.param("app/", id="an empty last part"),
    pytest.param("team//app", id="an empty part between"),
    pytest.param("/", id="a slash alone"),
    pytest.param("-app", id="a separator first"),
    pytest.param("app-", id="a separator last"),
    pytest.param("app.:v1", id="a separator before the colon"),
    pytest.param("a..b", id="two dots"),
    pytest.param("a___b", id="three underscores"),
    pytest.param("a._b", id="two kinds of separators"),
    pytest.param("app:-v1", id="a tag that begins with a hyphen"),
    pytest.param("app:.v1", id="a tag that begins with a dot"),
    pytest.param("app:v 1", id="a space in a tag"),
    pytest.param(" app", id="a space before"),
    pytest.param("app ", id="a space after"),
    pytest.param("app:v1\n", id="a line break after"),
    pytest.param("app\n", id="a line break after a repository"),
    pytest.param("äpp:v1", id="a letter beyond ASCII"),
    pytest.param("app:v\u0661", id="a digit beyond ASCII"),
    pytest.param("r" * 256, id="a repository that is too long"),
    pytest.param("r/" * 129 + "r", id="many parts that are too long together"),
    pytest.param("Example.COM/" + "r" * 256, id="too long behind a host"),
    pytest.param("H" * 256 + "/r", id="a host that is too long"),
    pytest.param("H" * 256 + "/" + "r" * 256, id="a host and a path that are too long"),
    pytest.param("r_" * 127 + "r/r", id="too long behind a first part that is no host"),
    pytest.param("Example.COM", id="a host alone"),
    pytest.param("Example.COM/App", id="upper case behind a host"),
    pytest.param("a_B/app", id="upper case in a first part that is no host"),
    pytest.param("Example..COM/app", id="an empty label of a host"),
    pytest.param("-Example/app", id="a host that begins with a hyphen"),
    pytest.param("[::1]/app", id="an IPv6 address"),
    pytest.param("Example.COM:5000/app", id="a host in upper case with a port"),
]


@pytest.mark.parametrize("text", REFUSED)
def test_a_text_that_is_no_scope_is_refused_by_the_name_of_its_field(text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_scope(text, "properties.scope")
    assert caught.value.field == "properties.scope"
    assert caught.value.problem


def test_a_refusal_quotes_only_the_beginning_of_a_long_text() -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_scope("app:" + "!" * 1000)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "scope", "canonical"),
    [
        pytest.param("", EVERYTHING, "", id="everything"),
        pytest.param("app", Scope(Breadth.TAG, "app", "latest"), "app:latest", id="bare"),
        pytest.param("app:latest", Scope(Breadth.TAG, "app", "latest"), "app:latest", id="latest"),
        pytest.param("a/b:v1", Scope(Breadth.TAG, "a/b", "v1"), "a/b:v1", id="tag"),
        pytest.param("a/b:*", Scope(Breadth.REPOSITORY, "a/b"), "a/b:*", id="star"),
    ],
)
def test_a_scope_has_one_canonical_text(text: str, scope: Scope, canonical: str) -> None:
    assert parse_scope(text) == scope
    assert str(scope) == canonical
    assert parse_scope(canonical) == scope


HOSTS = st.sampled_from(["", "", "Example.COM/", "Team/", "x-Y.z/", "9/"])
WORDS = st.text("abyz019", min_size=1, max_size=8)
SEPARATORS = st.sampled_from([".", "_", "__", "-", "---", "/"])
REPOSITORIES = st.builds(
    lambda host, first, rest: host + first + "".join(s + word for s, word in rest),
    HOSTS,
    WORDS,
    st.lists(st.tuples(SEPARATORS, WORDS), max_size=6),
)
TAGS = st.builds(str.__add__, st.sampled_from("aZ0_"), st.text("aZ09_.-", max_size=127)) | st.just(
    "latest"
)


@given(REPOSITORIES, TAGS)
def test_every_repository_and_tag_has_its_scopes(repository: str, tag: str) -> None:
    assert check_repository(repository) == repository
    assert check_tag(tag) == tag
    assert parse_scope(f"{repository}:{tag}").covers(repository, tag)
    assert parse_scope(f"{repository}:*").covers(repository, tag)
    assert parse_scope(repository).covers(repository, tag) is (tag == "latest")
    assert not parse_scope(f"{repository}:{tag}").covers(repository)


@given(st.text(max_size=300))
def test_any_text_is_a_scope_or_an_invalid_value(text: str) -> None:
    try:
        scope = parse_scope(text)
    except InvalidValueError as error:
        assert error.field == "scope"  # noqa: PT017 (either outcome is right)
    else:
        assert parse_scope(str(scope)) == scope


def test_an_event_cannot_have_the_tag_star() -> None:
    with pytest.raises(InvalidValueError, match="is not a tag"):
        check_tag("*")
