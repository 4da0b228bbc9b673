"""The page of formats: each with a sample made by its renderer; and the page of receivers."""

import runpy
from pathlib import Path

import pytest

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


def test_the_page_of_receivers_names_each_format() -> None:
    receivers = (ROOT / "docs/receivers.md").read_text().lower()
    assert all(name in receivers or name.replace("-", " ") in receivers for name in FormatName)


def test_a_page_without_marks_is_an_error() -> None:
    with pytest.raises(ValueError, match="has no line"):
        SCRIPT["filled"]("# Formats\n")
