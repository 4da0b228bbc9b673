"""The wheel and the sdist in clean environments: one top-level name, whatever stands beside it."""

import email
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from portcall import __version__
from tests import ROOT

LOCK = ROOT / "requirements/portcall.txt"
OURS: tuple[str, ...] = ("cli", "deliverer", "loadtest", "management", "producer")
OURS += ("recorder", "router", "runtime", "schemas", "store")
VERSION = f"portcall {__version__}\n"
SETTINGS_MISSING = 2
SYSTEM_CERTIFICATES = {"UV_SYSTEM_CERTS": "true"}
"""Without it uv trusts only the authorities that it ships, where pip trusts the machine's."""
BUILD = "from setuptools import build_meta; print(build_meta.build_{kind}({folder!r}))"


def run(*argv: str | Path, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PORTCALL_")}
    done = subprocess.run(  # noqa: S603 (our own programs)
        [str(each) for each in argv],
        cwd=cwd, env=kept | SYSTEM_CERTIFICATES | environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


def succeed(*argv: str | Path, cwd: Path, **environ: str) -> str:
    done = run(*argv, cwd=cwd, **environ)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pip(environment: Path, *arguments: str | Path) -> None:
    program = environment / "bin/python"
    quiet = ("-m", "pip", "--disable-pip-version-check", "--quiet", "install")
    succeed(program, *quiet, *arguments, cwd=environment)


def made(folder: Path, *, requirements: Path | None = LOCK) -> Path:
    """A virtual environment with the locked requirements, without Portcall."""
    succeed(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    if requirements is not None:
        pip(folder, "--require-hashes", "--requirement", requirements)
    return folder


def built(kind: str, folder: Path) -> Path:
    """The wheel or the sdist of a clean copy of what git knows."""
    source = folder / "source"
    succeed("git", "clone", "--quiet", "--no-hardlinks", ROOT, source, cwd=folder)
    program = BUILD.format(kind=kind, folder=str(folder))
    return folder / succeed(sys.executable, "-c", program, cwd=source).splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What runs, as locked, and no Portcall."""
    return made(tmp_path_factory.mktemp("clean") / "environment")


@pytest.fixture(scope="module")
def installers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pipx and uv are."""
    folder = tmp_path_factory.mktemp("installers") / "environment"
    return made(folder, requirements=ROOT / "requirements/packaging.txt") / "bin"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A project with folders and modules of the names that our packages once had."""
    folder = tmp_path / "project"
    for name in OURS:
        package = folder / name
        package.mkdir(parents=True)
        package.joinpath("__init__.py").write_text("raise SystemExit('the wrong package')\n")
        package.joinpath("__main__.py").write_text("raise SystemExit('the wrong program')\n")
    (folder / "portcall").mkdir()  # a folder for its settings, say
    return folder


def test_the_wheel_has_one_name_and_every_module(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {
        "portcall",
        f"portcall-{__version__}.dist-info",
    }
    for package in OURS:
        there = {
            f"portcall/{path.relative_to(ROOT)}"
            for path in (ROOT / package).rglob("*.py")
            if "__pycache__" not in path.parts
        }
        assert there
        assert there <= set(names)


def test_the_wheels_metadata_has_authors_and_links(wheel: Path) -> None:
    text = zipfile.ZipFile(wheel).read(f"portcall-{__version__}.dist-info/METADATA").decode()
    metadata = email.message_from_string(text)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert metadata["Author"] == ", ".join(each["name"] for each in project["authors"])
    expected = [f"{label}, {url}" for label, url in project["urls"].items()]
    assert metadata.get_all("Project-URL") == expected
    assert all(", https://" in each for each in expected)


def test_the_sdist_makes_the_same_wheel(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    succeed("tar", "--extract", "--file", sdist, cwd=tmp_path)
    (source,) = tmp_path.iterdir()
    program = BUILD.format(kind="wheel", folder=str(tmp_path))
    again = tmp_path / succeed(sys.executable, "-c", program, cwd=source).splitlines()[-1]
    assert set(zipfile.ZipFile(again).namelist()) == set(zipfile.ZipFile(wheel).namelist())


def test_it_works_beside_a_wheel_with_a_module_of_its_own_name(
    wheel: Path, environment: Path, hostile: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "schemas.py").write_text("WHOSE = 'theirs'\n")
    (other / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "other"\nversion = "1"\n[tool.setuptools]\npy-modules = ["schemas"]\n'
    )
    program = BUILD.format(kind="wheel", folder=str(tmp_path))
    theirs = tmp_path / succeed(sys.executable, "-c", program, cwd=other).splitlines()[-1]
    pip(environment, "--no-deps", "--no-index", theirs, wheel)
    command = environment / "bin/portcall"
    whose = "import schemas; print(schemas.WHOSE)"
    assert succeed(environment / "bin/python", "-c", whose, cwd=tmp_path) == "theirs\n"
    for path in ("", str(hostile)):
        assert succeed(command, "--version", cwd=hostile, PYTHONPATH=path) == VERSION
        for role in ("producer", "router", "deliverer", "recorder", "management"):
            done = run(command, "run", role, cwd=hostile, PYTHONPATH=path)
            assert done.returncode == SETTINGS_MISSING
            assert "PORTCALL_TOKEN: must be set" in done.stderr


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_pipx_installs_it(
    kind: str, installers: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    package: Path = request.getfixturevalue(kind)
    folders = {"PIPX_HOME": str(tmp_path / "home"), "PIPX_BIN_DIR": str(tmp_path / "bin")}
    succeed(installers / "pipx", "install", package, cwd=tmp_path, **folders)
    assert succeed(tmp_path / "bin/portcall", "--version", cwd=tmp_path) == VERSION


def test_uvx_runs_it(wheel: Path, installers: Path, tmp_path: Path) -> None:
    argv = (installers / "uvx", "--quiet", "--from", wheel, "portcall", "--version")
    assert succeed(*argv, cwd=tmp_path) == VERSION
