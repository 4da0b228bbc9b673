"""The page of sizes says what the command calculates."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts/scale_page.py"))
PAGE = (ROOT / "docs/scale.md").read_text()


def test_the_page_has_the_sizes_as_they_are_now() -> None:
    assert SCRIPT["filled"](PAGE) == PAGE, "run `make docs`"
    assert "1,000,000 deliveries/s" in PAGE


def test_a_page_without_marks_is_an_error() -> None:
    with pytest.raises(ValueError, match="has no line"):
        SCRIPT["filled"]("# How much\n")
