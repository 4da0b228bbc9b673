"""The pages of sources: one for each kind, with a picture made of the demo's sample."""

import runpy
from pathlib import Path

import pytest

from portcall.cli.demo.samples import RECORDED, sample_of
from portcall.schemas.sources import SourceKind

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts/source_pages.py"))
PAGES = ROOT / "docs" / "sources"


@pytest.mark.parametrize("kind", SourceKind)
def test_a_page_shows_the_sample_as_it_is_read_now(kind: SourceKind) -> None:
    page = (PAGES / f"{kind}.md").read_text()
    assert SCRIPT["filled"](page, kind) == page, "run `make docs`"
    assert f"POST /registries/myregistry/sources/{kind}" in page
    assert f"sources/{kind}.md" in (ROOT / "docs/sources.md").read_text()


@pytest.mark.parametrize("kind", SourceKind)
def test_a_page_says_whether_a_real_sender_was_run(kind: SourceKind) -> None:
    page = (PAGES / f"{kind}.md").read_text()
    was_run = sample_of(kind).origin == RECORDED
    assert ("A real sender's request." in page) == was_run
    assert ("No real sender could be run here." in page) != was_run


def test_there_is_no_other_page() -> None:
    assert {each.stem for each in PAGES.glob("*.md")} == {each.value for each in SourceKind}


def test_a_page_without_marks_is_an_error() -> None:
    with pytest.raises(ValueError, match="has no line"):
        SCRIPT["filled"]("# Harbor\n", SourceKind.HARBOR)
