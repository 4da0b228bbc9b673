import pytest

from portcall.cli.errors import UsageError
from portcall.cli.examples import examples
from portcall.cli.options import actions, headers, pairs


@pytest.mark.parametrize(
    ("words", "read"),
    [
        pytest.param([], {}, id="none"),
        pytest.param([""], {}, id="an empty word clears"),
        pytest.param(["a=b"], {"a": "b"}, id="one"),
        pytest.param(["a=b", "c=d"], {"a": "b", "c": "d"}, id="two"),
        pytest.param(["a"], {"a": ""}, id="a name alone has an empty value"),
        pytest.param(["a="], {"a": ""}, id="an empty value"),
        pytest.param(
            ["Authorization=Basic a=="], {"Authorization": "Basic a=="}, id="= in a value"
        ),
        pytest.param(["a=1", "a=2"], {"a": "2"}, id="the last one counts"),
    ],
)
def test_pairs(words: list[str], read: dict[str, str]) -> None:
    assert pairs(words, "--headers") == read


@pytest.mark.parametrize(
    ("word", "read"),
    [
        pytest.param("X-Key=a: b", {"X-Key": "a: b"}, id="a colon in a value"),
        pytest.param("X-Key: a=b", {"X-Key": "a=b"}, id="as curl's users write it"),
        pytest.param("X-Key:a", {"X-Key": "a"}, id="without a space"),
        pytest.param("X-Key:", {"X-Key": ""}, id="an empty value"),
        pytest.param("", {}, id="an empty word clears"),
    ],
)
def test_headers(word: str, read: dict[str, str]) -> None:
    assert headers([word], "--headers") == read


def test_a_pair_without_a_name_is_refused_by_option_and_its_value_is_not_repeated() -> None:
    with pytest.raises(UsageError, match=r"^--headers: a word has no name before the =") as raised:
        pairs(["=hunter2"], "--headers")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("words", "read"),
    [
        pytest.param(["push"], ["push"], id="one"),
        pytest.param(["push", "delete"], ["push", "delete"], id="repeated"),
        pytest.param(["push,delete"], ["push", "delete"], id="commas"),
        pytest.param(["push, delete"], ["push", "delete"], id="a comma and a space"),
        pytest.param(["PUSH Chart_Push"], ["push", "chart_push"], id="in lower case, as az"),
        pytest.param(["delete", "push", "delete"], ["delete", "push"], id="each once, in order"),
        pytest.param([""], [], id="none is the server's to refuse"),
    ],
)
def test_actions(words: list[str], read: list[str]) -> None:
    assert actions(words) == read


def test_an_unknown_action_is_refused_in_azs_words() -> None:
    with pytest.raises(UsageError) as refused:
        actions(["push", "bogus"])
    assert str(refused.value) == (
        "'bogus' is not a valid value for '--actions'."
        " Allowed values: push, delete, quarantine, chart_push, chart_delete, untag."
    )
    assert refused.value.exit_code == 2


def test_examples_are_not_taken_for_markup() -> None:
    assert examples("portcall [x]", "b") == "Examples:\nportcall \\[x]\nb"
