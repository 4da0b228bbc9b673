"""Final answers: what a webhook's owner may set, what can never be in it, and what it means."""

import pytest

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.final_answers import (
    MAX_ENTRIES,
    RECEIVER_REFUSES,
    final_statuses,
    parse_final_answers,
    shown,
    words_of,
)

PRESET = {400, 401, 403, 404, 405, 413, 415, 422}


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        pytest.param(None, None, id="null"),
        pytest.param("acr", None, id="acr"),
        pytest.param("", None, id="empty"),
        pytest.param([], None, id="empty-list"),
        pytest.param("receiver-refuses", "receiver-refuses", id="preset"),
        pytest.param(" Receiver-Refuses", "receiver-refuses", id="preset-in-capitals"),
        pytest.param([404, 400, 404], "400,404", id="list"),
        pytest.param(["404", 400], "400,404", id="texts"),
        pytest.param("404, 400", "400,404", id="text"),
        pytest.param(["4XX", 500], "4xx,500", id="class"),
        pytest.param([500, 501, 505], "500,501,505", id="server-errors"),
    ],
)
def test_a_setting_has_one_text(value: object, kept: str | None) -> None:
    assert parse_final_answers(value) == kept
    if kept is not None:
        assert parse_final_answers(shown(kept)) == kept


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (100, "another answer"),
        (200, "delivered"),
        (204, "delivered"),
        (301, "another address"),
        (307, "another address"),
        (408, "same request again"),
        (410, "disables"),
        (425, "same request again"),
        (429, "when to come back"),
        (502, "not now"),
        (503, "not now"),
        (504, "not now"),
        (507, "not now"),
        (522, "not now"),
    ],
)
def test_an_answer_that_says_something_else_is_never_final(status: int, why: str) -> None:
    with pytest.raises(InvalidValueError, match=f"{status} cannot be final: .*{why}") as caught:
        parse_final_answers([400, status])
    assert caught.value.field == "finalAnswers[1]"


@pytest.mark.parametrize(
    ("value", "field", "problem"),
    [
        pytest.param(5, "finalAnswers", "must be", id="number"),
        pytest.param({}, "finalAnswers", "must be", id="object"),
        pytest.param(True, "finalAnswers", "must be", id="bool"),
        pytest.param("never", "finalAnswers", "neither a status", id="word"),
        pytest.param(
            "receiver-refuse",
            "finalAnswers",
            "did you mean receiver-refuses[?]",
            id="preset-misspelt",
        ),
        pytest.param(
            "400,recever_refuses", "finalAnswers", "did you mean receiver-refuses", id="both"
        ),
        pytest.param(
            ["refuses"], "finalAnswers[0]", "mean receiver-refuses", id="misspelt-in-list"
        ),
        pytest.param("2xx", "finalAnswers", "neither a status", id="2xx"),
        pytest.param("5xx", "finalAnswers", "neither a status", id="5xx"),
        pytest.param("400,,404", "finalAnswers", "'' is neither a status", id="nothing-between"),
        pytest.param([True], "finalAnswers[0]", "must be a status", id="bool-in-it"),
        pytest.param([400.5], "finalAnswers[0]", "must be a status", id="float"),
        pytest.param([None], "finalAnswers[0]", "must be a status", id="null-in-it"),
        pytest.param([4000], "finalAnswers[0]", "neither a status", id="long"),
        pytest.param(["\u0664\u0660\u0660"], "finalAnswers[0]", "neither a status", id="arabic"),
        pytest.param([10**5000], "finalAnswers[0]", "neither a status", id="huge"),
        pytest.param([-400], "finalAnswers[0]", "neither a status", id="negative"),
        pytest.param(["receiver-refuses", 418], "finalAnswers[0]", "alone", id="preset-in-it"),
        pytest.param("acr,418", "finalAnswers", "alone", id="acr-in-it"),
        pytest.param([400] * (MAX_ENTRIES + 1), "finalAnswers", "at most", id="many"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_place(value: object, field: str, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem) as caught:
        parse_final_answers(value)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("shown_as", "words"),
    [("receiver-refuses", "receiver-refuses"), ([400, "4xx"], "400, 4xx")],
)
def test_a_setting_in_words(shown_as: str | list[int | str], words: str) -> None:
    assert words_of(shown_as) == words


def test_the_statuses_of_a_setting() -> None:
    assert final_statuses(None) == set()
    assert final_statuses(RECEIVER_REFUSES) == PRESET
    assert final_statuses("400,404") == {400, 404}
    assert final_statuses("4xx,500") == {*range(400, 500), 500} - {408, 410, 425, 429}


def test_what_a_newer_version_wrote_is_left_out() -> None:
    assert final_statuses("400,some-class") == {400}
