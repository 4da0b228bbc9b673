"""The pages for people name only files, modules and functions that exist."""

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *ROOT.glob("docs/**/*.md")]
)
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
PACKAGES = sorted(path.name for path in (ROOT / "portcall").iterdir() if path.is_symlink())
OTHERS = ["tests", "benchmarks", "findings", "docs", "scripts", "requirements", "portcall"]
FOLDERS = [*PACKAGES, *OTHERS]

IN_PACKAGES = "|".join(PACKAGES)
INSIDE = rf"(?:{'|'.join(FOLDERS)})/[\w./-]*"
FILE = re.compile(rf"(?<![\w./>-]){INSIDE}\.(?:py|md|html)\b")
QUOTED = re.compile(rf"`({INSIDE})`")
NAME = re.compile(rf"\bportcall\.(?:{IN_PACKAGES})\b(?:\.\w+)*")
ROOM = re.compile(r"^  ([a-z0-9_]+)/ ", re.MULTILINE)
FOLDER = re.compile(r"^([a-z]+)/ ", re.MULTILINE)


def exists(name: str) -> bool:
    """Whether *name* is a module, or something in one: a function, a class, a method."""
    parts = name.split(".")
    length = len(parts)
    while not _is_module(".".join(parts[:length])):
        length -= 1
    if length == len(parts):
        return True
    found: object = import_module(".".join(parts[:length]))
    for part in parts[length:]:
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("portcall.router.route", True),
        ("portcall.router.route.Router.handle", True),
        ("portcall.router.route.Router.no_such_method", False),
        ("portcall.router.no_such_module", False),
        ("portcall.router.no_such_module.function", False),
    ],
)
def test_a_name_exists_or_not(name: str, *, expected: bool) -> None:
    assert exists(name) is expected


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_only_files_that_exist(page: Path) -> None:
    text = page.read_text()
    named = {*FILE.findall(text), *QUOTED.findall(text)}
    missing = [
        each for each in named if not any((ROOT / f"{each}{end}").exists() for end in ("", ".py"))
    ]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_only_modules_and_functions_that_exist(page: Path) -> None:
    missing = [name for name in NAME.findall(page.read_text()) if not exists(name)]
    assert not missing


def test_the_folder_map_has_every_folder_and_no_other() -> None:
    (drawn,) = re.findall(
        r"^## Folders$.*?^```\n(.*?)^```$", ARCHITECTURE, re.MULTILINE | re.DOTALL
    )
    named = set()
    top = ""
    for line in drawn.splitlines():
        if folder := FOLDER.match(line):
            top = folder[1]
            named.add(top)
        elif room := ROOM.match(line):
            named.add(f"{top}/{room[1]}")
    assert all((ROOT / folder).is_dir() for folder in named)
    inside = {
        path.relative_to(ROOT).as_posix()
        for folder in [*PACKAGES, "tests"]
        for path in (ROOT / folder).glob("*/")
        if any(path.glob("*.py"))
    }
    assert {*FOLDERS, *inside} <= named


def test_the_rules_of_isolation_name_modules_of_the_deliverer() -> None:
    text = (ROOT / "docs/isolation.md").read_text()
    cells = re.findall(r"^\| \*\*.*\| (`.*`) \|$", text, re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`([\w/]+)`", cell)}
    known = {path.stem for path in (ROOT / "deliverer").rglob("*.py")}
    assert named
    assert [name for name in named if "/" not in name and name not in known] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_to_a_heading_leads_to_one(page: Path) -> None:
    for file, heading in re.findall(r"\]\(([\w./-]*\.md)?#([^)]+)\)", page.read_text()):
        target = (page.parent / file) if file else page
        assert heading in anchors(target.read_text()), f"{file}#{heading}"


def anchors(text: str) -> set[str]:
    """The anchors of a page: its headings, as forges write them, and explicit ones."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    made = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))
