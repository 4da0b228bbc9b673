import pytest

from portcall.cli.argv import spread

CREATE = ["webhook", "create"]


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param(["webhook"], ["webhook"], id="a group alone"),
        pytest.param(
            [*CREATE, "--actions", "push", "delete"],
            [*CREATE, "--actions", "push", "--actions", "delete"],
            id="two words",
        ),
        pytest.param(
            [*CREATE, "--actions", "push", "delete", "quarantine", "--name", "x"],
            [
                *CREATE,
                "--actions",
                "push",
                "--actions",
                "delete",
                "--actions",
                "quarantine",
                "--name",
                "x",
            ],
            id="three words, then another option",
        ),
        pytest.param(
            [*CREATE, "--actions", "push", "--actions", "delete"],
            [*CREATE, "--actions", "push", "--actions", "delete"],
            id="repeated already",
        ),
        pytest.param(
            [*CREATE, "--actions", "push", "-r", "reg", "--headers", "a=b", "c=d e"],
            [*CREATE, "--actions", "push", "-r", "reg", "--headers", "a=b", "--headers", "c=d e"],
            id="a short option ends it",
        ),
        pytest.param(
            [*CREATE, "--headers", ""], [*CREATE, "--headers", ""], id="an empty word clears"
        ),
        pytest.param(
            [*CREATE, "--headers", "", "a=b"],
            [*CREATE, "--headers", "", "--headers", "a=b"],
            id="a word after the empty one",
        ),
        pytest.param(
            [*CREATE, "--tags", "a=1", "b", "--scope", "x"],
            [*CREATE, "--tags", "a=1", "--tags", "b", "--scope", "x"],
            id="a tag without a value",
        ),
        pytest.param(
            [*CREATE, "--actions=push", "delete"],
            [*CREATE, "--actions=push", "delete"],
            id="an equals sign takes one, as with az",
        ),
        pytest.param(
            [*CREATE, "--actions", "--uri", "x"],
            [*CREATE, "--actions", "--uri", "x"],
            id="no word at all is typer's to refuse",
        ),
        pytest.param(
            [*CREATE, "--actions", "push", "--", "delete"],
            [*CREATE, "--actions", "push", "--", "delete"],
            id="two dashes end the options",
        ),
        pytest.param(
            ["webhook", "update", "--tags", "a=1", "b=2"],
            ["webhook", "update", "--tags", "a=1", "--tags", "b=2"],
            id="update, too",
        ),
        pytest.param(
            ["registry", "create", "--tags", "a=1", "b=2", "myregistry"],
            ["registry", "create", "--tags", "a=1", "--tags", "b=2", "myregistry"],
            id="a registry's name is no tag",
        ),
        pytest.param(
            ["emit", "myregistry", "--actions", "push", "delete"],
            ["emit", "myregistry", "--actions", "push", "delete"],
            id="other commands are left alone",
        ),
    ],
)
def test_words_after_an_option_are_spread_as_az_reads_them(
    typed: list[str], read: list[str]
) -> None:
    assert spread(typed) == read
