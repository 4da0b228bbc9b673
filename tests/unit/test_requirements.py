"""The locked files: every pip installs them, today and in a year."""

import json
import runpy
import tomllib
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements"
LOCKS = sorted(path.name for path in REQUIREMENTS.glob("*.txt"))
script: Any = SimpleNamespace(**runpy.run_path(str(ROOT / "scripts/locked_metadata.py")))
ASKED: dict[str, list[str]] = json.loads(script.METADATA.read_text())


def lock(name: str) -> list[Any]:
    """The pins of a locked file, and of the one that it adds to."""
    names = [name, script.INSTALLED_WITH.get(name)]
    return [pin for each in names if each for pin in script.pins((REQUIREMENTS / each).read_text())]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_all_that_its_packages_ask_for_with_its_extras(name: str) -> None:
    assert lock(name)
    assert script.faults(lock(name), ASKED) == []


def inputs(name: str) -> list[str]:
    """The requirements that a locked file was made of."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runs, tests = project["project"]["dependencies"], project["project"]["optional-dependencies"]
    made_of: dict[str, list[str]] = {
        "portcall.txt": runs,
        "tracing.txt": [*runs, *tests["tracing"]],
        "dev.txt": [*runs, *tests["dev"], *tests["tracing"]],
        "build.txt": project["build-system"]["requires"],
    }
    if name in made_of:
        return made_of[name]
    lines = (REQUIREMENTS / name).with_suffix(".in").read_text().splitlines()
    return [line for line in lines if not line.startswith(("#", "-c"))]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_what_it_was_made_of_with_its_extras(name: str) -> None:
    asks = script.Pin("asks", frozenset(), "0", None, "")
    assert inputs(name)
    assert script.faults([asks, *lock(name)], ASKED | {asks.key: inputs(name)}) == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_without_its_extras_would_be_found(name: str) -> None:
    stripped = [
        script.Pin(pin.name, frozenset(), pin.version, pin.marker, pin.text) for pin in lock(name)
    ]
    asked = {f"{pin.name}=={pin.version}": ASKED[pin.key] for pin in lock(name) if pin.key in ASKED}
    found = script.faults(stripped, asked)
    with_extras = {
        text
        for pin in lock(name)
        for text in ASKED.get(pin.key, [])
        if script.Requirement(text).extras
    }
    assert bool(found) == bool(with_extras)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_is_made_by_make_lock(name: str) -> None:
    assert inputs(name)
    assert "for file in *.in;" in (ROOT / "scripts/lock").read_text()


def test_what_is_installed_asks_for_what_is_written_down() -> None:
    installed = {
        (canonicalize_name(each.metadata["Name"]), each.version): each.requires or []
        for each in metadata.distributions()
    }
    compared = 0
    for pin in lock("browser.txt"):
        if pin.places and (pin.name, pin.version) in installed:
            there = installed[pin.name, pin.version]
            kept = script.worth_keeping(there, pin.extras)
            assert set(map(normal, kept)) == set(map(normal, ASKED[pin.key])), pin.key
            compared += 1
    assert compared > 100


def normal(requirement: str) -> str:
    return str(script.Requirement(requirement))


@pytest.mark.parametrize(
    ("pinned", "asked", "found"),
    [
        pytest.param("cov[toml]==7", ["cov[toml]>=6"], 0, id="with its extra"),
        pytest.param("cov==7", ["cov[toml]>=6"], 1, id="without its extra"),
        pytest.param("cov[toml]==7", ["cov>=6"], 0, id="an extra answers for none"),
        pytest.param(
            "cov[a,toml]==7", ["cov[toml]>=6"], 1, id="one extra too many is another name"
        ),
        pytest.param("cov[a,b]==7", ["cov[b,a]>=6"], 0, id="in another order"),
        pytest.param("cov[a, b]==7", ["cov[a,b]>=6"], 0, id="with spaces"),
        pytest.param("cov[a-b]==7", ["Cov[A_b]>=6"], 0, id="in another spelling"),
        pytest.param("cov[a]==7", ["cov[a]", "cov[b]"], 1, id="one of two"),
        pytest.param("cov[toml]==7", ["cov[toml]>=8"], 1, id="too old"),
        pytest.param("cov==7", ["other"], 1, id="not pinned at all"),
        pytest.param("cov==7", ["cov[toml] ; sys_platform == 'win32'"], 0, id="not on Linux"),
        pytest.param("cov==7", ["cov[toml] ; python_version >= '3.14'"], 1, id="on one Python"),
        pytest.param(
            "cov[toml]==7 ; python_version < '3.12'",
            ["cov[toml]"],
            1,
            id="pinned for some Pythons only",
        ),
        pytest.param("cov==7", ["cov[toml] ; extra == 'other'"], 0, id="for an extra not taken"),
        pytest.param("cov==7", ["cov[toml] ; extra == 'mine'"], 1, id="for an extra that is taken"),
    ],
)
def test_a_requirement_is_pinned_as_it_is_asked_for(
    pinned: str, asked: list[str], found: int
) -> None:
    pins = script.pins(f"asks[mine]==1 \\\n    --hash=sha256:0\n{pinned} \\\n    --hash=sha256:0\n")
    assert len(pins) == 2
    known = {"asks[mine]==1": asked, pins[1].key: []}
    assert len(script.faults(pins, known)) == found


def test_a_pin_that_nobody_was_asked_about_is_a_fault() -> None:
    (fault,) = script.faults(script.pins("new==1 \\\n    --hash=sha256:0\n"), {})
    assert "new==1 is not in metadata.json" in fault


def test_what_is_written_down_is_what_is_locked() -> None:
    assert set(ASKED) == {pin.key for name in LOCKS for pin in lock(name) if pin.places}
