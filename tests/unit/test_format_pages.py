"""The page of formats: each with a sample made by its renderer; and the page of receivers."""

import re
import runpy
from pathlib import Path

import pytest

from portcall.schemas.events import check_action
from portcall.schemas.filter_words import filters_in
from portcall.schemas.filters import read_filters
from portcall.schemas.final_answers import parse_final_answers
from portcall.schemas.formats.names import FormatName
from portcall.schemas.formats.table import FORMATS
from portcall.schemas.formats.template import FIELDS

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts/format_pages.py"))
PAGE = (ROOT / "docs/formats.md").read_text()


def test_the_page_shows_each_format_as_it_is_now() -> None:
    assert SCRIPT["filled"](PAGE) == PAGE, "run `make docs`"
    for name, form in FORMATS.items():
        assert f"\n### {name}\n" in PAGE
        assert all(f"| `{each.name}` |" in PAGE for each in form.options)


def test_the_page_names_what_expressions_see() -> None:
    assert all(f"`{name}`" in PAGE for name in FIELDS)


RECEIVERS = (ROOT / "docs/receivers.md").read_text()


def test_the_page_of_receivers_names_each_format() -> None:
    receivers = RECEIVERS.lower()
    assert all(name in receivers or name.replace("-", " ") in receivers for name in FormatName)


def test_the_page_of_receivers_has_filters_and_answers_that_there_are() -> None:
    filters = re.findall(r"--filters((?: [a-z]+[A-Z]\w+)+)", RECEIVERS)
    assert len(filters) > 10
    assert all(read_filters(filters_in(words.split())) for words in filters)
    answers = re.findall(r"--final-answers ([\d,]+)", RECEIVERS)
    assert answers
    assert all(parse_final_answers(words) for words in answers)
    actions = re.findall(r"--actions((?: [a-z]\w+)+)", RECEIVERS)
    assert actions
    assert all(check_action(each) for words in actions for each in words.split())


@pytest.mark.parametrize("receiver", ["Argo CD", "Image Updater", "Flux", "Keel", "Event Grid"])
def test_the_page_of_receivers_has_a_whole_command_for(receiver: str) -> None:
    (block,) = re.findall(r"```bash\n(# Keel.+?)```", RECEIVERS, re.DOTALL)
    assert re.search(rf"^# .*{receiver}.*\nportcall webhook create ", block, re.MULTILINE)


def test_a_page_without_marks_is_an_error() -> None:
    with pytest.raises(ValueError, match="has no line"):
        SCRIPT["filled"]("# Formats\n")
