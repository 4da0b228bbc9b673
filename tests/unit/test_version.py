"""One version: `portcall.__version__`, which pyproject.toml reads, the changelog and the tag agree."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from portcall import __version__

ROOT = Path(__file__).resolve().parents[2]
CHANGELOG = ROOT / "CHANGELOG.md"
HEADING = re.compile(r"^## \[?(?P<version>[^\]\s]+)\]?(?: - (?P<day>\S+))?\s*$", re.MULTILINE)
VERSION = re.compile(r"\d+\.\d+\.\d+")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def problems(changelog: str, version: str) -> list[str]:
    """What is wrong with the headings of a changelog, given the package's version."""
    found = [(each["version"], each["day"]) for each in HEADING.finditer(changelog)]
    released = [each for each in found if each[0] != "Unreleased"]
    wrong = [
        f"{each} {day}: write ## [X.Y.Z] - YYYY-MM-DD"
        for each, day in released
        if not (VERSION.fullmatch(each) and DAY.fullmatch(day or ""))
    ]
    if not found or found[0] != ("Unreleased", None):
        wrong.append("the first heading is not ## [Unreleased]")
    if released and released[0][0] != version:
        wrong.append(f"the newest release is {released[0][0]}, the package's version {version}")
    return wrong


@pytest.mark.parametrize(
    ("changelog", "version", "wrong"),
    [
        ("## [Unreleased]\n", "0.1.0", 0),
        ("## [Unreleased]\n\n## [0.1.0] - 2026-01-02\n", "0.1.0", 0),
        ("## [Unreleased]\n## [0.2.0] - 2026-02-02\n## [0.1.0] - 2026-01-02\n", "0.2.0", 0),
        ("## [Unreleased]\n## [0.2.0] - 2026-02-02\n## [0.1.0] - 2026-01-02\n", "0.1.0", 1),
        ("## [0.1.0] - 2026-01-02\n", "0.1.0", 1),
        ("## [Unreleased]\n## [0.1.0]\n", "0.1.0", 1),
        ("## [Unreleased]\n## [0.1] - 2026-01-02\n", "0.1", 1),
        ("", "0.1.0", 1),
    ],
)
def test_headings_are_checked(changelog: str, version: str, wrong: int) -> None:
    assert len(problems(changelog, version)) == wrong


def test_the_newest_release_of_the_changelog_is_the_version() -> None:
    assert problems(CHANGELOG.read_text(), __version__) == []
    assert VERSION.fullmatch(__version__)


def test_the_project_has_no_version_of_its_own() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "portcall.__version__"}


def test_a_version_tag_of_this_commit_is_the_version() -> None:
    asked = ["git", "-C", str(ROOT), "tag", "--points-at", "HEAD", "--list", "v*"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=True)  # noqa: S603 (fixed)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git repository: an sdist has no tags")
    assert set(done.stdout.split()) <= {f"v{__version__}"}
