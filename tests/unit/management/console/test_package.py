"""What the console reads from its folder is in the wheel."""

import tomllib
from pathlib import Path

from portcall import management

ROOT = Path(__file__).parents[4]
FOLDER = Path(management.__file__).parent


def test_every_template_and_file_is_package_data() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["portcall.management"]
    packed = {path for pattern in patterns for path in FOLDER.glob(pattern) if path.is_file()}
    console = FOLDER / "console"
    there = {
        path for path in console.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    assert there
    assert there == packed
