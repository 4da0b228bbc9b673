"""scripts/environment with the real venv and pip, on a small project and packages made here."""

import base64
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BASE = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
BACKEND = """
import base64, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "portcall-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("portcall-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: portcall\\nVersion: 1\\n")
        wheel.writestr("portcall-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("portcall-1.dist-info/RECORD", "")
    return name
"""
PYTHON = """#!/bin/sh
# Makes the virtual environment with a copy of pip that is there already: ensurepip takes 5 s.
case "$*" in
    "-m venv .venv")
        "{python}" -m venv --without-pip .venv && cp -rl "{packages}/." .venv/lib/python3*/site-packages/ ;;
    *) exec "{python}" "$@" ;;
esac
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


class Checkout:
    """A small project with the real scripts, and an index of its own: a folder of wheels."""

    def __init__(self, folder: Path, packages: Path) -> None:
        self.folder = folder / "checkout"
        self._programs = folder / "bin"
        self._programs.mkdir()
        python = self._programs / "python3"
        python.write_text(PYTHON.format(python=BASE, packages=packages))
        python.chmod(0o755)
        self._wheels = folder / "wheels"
        self._wheels.mkdir()
        (self.folder / "requirements").mkdir(parents=True)
        (self.folder / "scripts").mkdir()
        for name in ("environment", "not-installed", "debian-packages"):
            shutil.copy(ROOT / "scripts" / name, self.folder / "scripts")
        (self.folder / "backend.py").write_text(BACKEND)
        (self.folder / "pyproject.toml").write_text(PROJECT)
        (self.folder / "requirements/browser.txt").touch()
        self.lock("build", "builds==1")
        self.lock("portcall", "runs==1", "elsewhere==1 ; sys_platform == 'win32'")
        self.lock("dev", "builds==1", "runs==1", "tests==1")

    def lock(self, name: str, *pins: str) -> None:
        """Write a locked file, and the wheels that it names."""
        lines = [
            f"{pin} \\\n    --hash=sha256:{self._wheel(*pin.split()[0].split('=='))}\n"
            for pin in pins
        ]
        (self.folder / "requirements" / f"{name}.txt").write_text("".join(lines))

    def _wheel(self, name: str, version: str) -> str:
        path = self._wheels / f"{name}-{version}-py3-none-any.whl"
        about = f"{name}-{version}.dist-info"
        files = {
            f"{name}.py": f"VERSION = {version!r}\n",
            f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(
            f"{each},sha256={_digest(text)},{len(text)}\n" for each, text in files.items()
        )
        with zipfile.ZipFile(path, "w") as wheel:
            for each, text in (files | {f"{about}/RECORD": f"{record}{about}/RECORD,,\n"}).items():
                wheel.writestr(zipfile.ZipInfo(each), text)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def start(self, use: str) -> subprocess.Popen[str]:
        """Start the script in a process group of its own, as a shell starts make."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith("PIP_")}
        return subprocess.Popen(  # noqa: S603 (a script of this repository)
            [self.folder / "scripts/environment", use],
            env={
                **kept,
                "PATH": f"{self._programs}:{os.environ['PATH']}",
                "PIP_CONFIG_FILE": os.devnull,
                "PIP_FIND_LINKS": str(self._wheels),
                "PIP_NO_INDEX": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def make(self, use: str, *, code: int = 0) -> str:
        """Run the script to its end, and give what it said."""
        process = self.start(use)
        said, _ = process.communicate(timeout=100)
        assert process.returncode == code, said
        return said

    def interrupt(self, use: str, appears: str, number: signal.Signals) -> None:
        """Run the script, and end it as soon as a file is there."""
        process = self.start(use)
        end = time.monotonic() + 60
        while not (self.folder / appears).exists():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.002)
        os.killpg(process.pid, number)
        process.communicate(timeout=30)
        assert process.returncode != 0

    @property
    def installed(self) -> dict[str, str]:
        """What can be imported in its .venv, with the versions."""
        program = (
            "import importlib\n"
            "for name in ('builds', 'runs', 'tests', 'elsewhere'):\n"
            "    try: print(name, importlib.import_module(name).VERSION)\n"
            "    except ImportError: pass\n"
        )
        said = subprocess.run(  # noqa: S603 (the Python of a test)
            [self.folder / ".venv/bin/python", "-I", "-c", program],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        return dict(line.split() for line in said.splitlines())


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site-packages of a new virtual environment, with pip."""
    folder = tmp_path_factory.mktemp("template") / "venv"
    subprocess.run([BASE, "-m", "venv", folder], check=True)  # noqa: S603 (our own Python)
    (found,) = folder.glob("lib/python3*/site-packages")
    return found


@pytest.fixture
def checkout(tmp_path: Path, packages: Path) -> Checkout:
    return Checkout(tmp_path, packages)


RUNTIME = {"builds": "1", "runs": "1"}
DEV = {**RUNTIME, "tests": "1"}


def test_the_tests_add_to_what_runs_and_nothing_is_installed_twice(checkout: Checkout) -> None:
    said = checkout.make("runtime")
    assert [re.sub(r"\d+ s$|\d+\.\S+", "N", line) for line in said.splitlines()] == [
        "Making .venv with Python N ... N",
        "Fetching 2 packages, as locked in requirements/portcall.txt requirements/build.txt ... N",
        "Installing them into .venv ... N",
        "Installing Portcall itself in its source folder ... N",
    ]
    assert checkout.installed == RUNTIME
    assert checkout.make("runtime") == ""
    said = checkout.make("dev")
    assert said.startswith("Fetching 1 packages, as locked in requirements/dev.txt")
    assert "Portcall itself" not in said
    assert checkout.installed == DEV
    assert checkout.make("runtime") == checkout.make("dev") == checkout.make("browser") == ""


def test_a_changed_lock_is_seen_whatever_the_times_of_files_say(checkout: Checkout) -> None:
    checkout.make("dev")
    assert checkout.make("runtime") == ""
    checkout.lock("portcall", "runs==2")
    checkout.lock("dev", "builds==1", "runs==2", "tests==1")
    for name in ("portcall", "dev"):
        os.utime(checkout.folder / f"requirements/{name}.txt", (1, 1))
    assert "Fetching 1 packages" in checkout.make("dev")
    assert checkout.installed == {**DEV, "runs": "2"}
    checkout.lock("portcall", "runs==1")  # as before: the mark of that time must not count
    assert "Fetching 1 packages" in checkout.make("runtime")
    assert checkout.installed == DEV


def test_what_cannot_be_fetched_changes_nothing(checkout: Checkout) -> None:
    checkout.make("runtime")
    lock = checkout.folder / "requirements/dev.txt"
    checkout.lock("dev", "builds==1", "runs==2", "tests==1")
    good = lock.read_text()
    lock.write_text(re.sub(r"(tests.*\n.*sha256:)....", r"\g<1>0000", good))
    said = checkout.make("dev", code=1)
    assert "DO NOT MATCH THE HASHES" in said
    assert checkout.installed == RUNTIME
    assert checkout.make("runtime") == ""
    lock.write_text(good)
    said = checkout.make("dev")
    assert "Making" not in said
    assert checkout.installed == {**DEV, "runs": "2"}


@pytest.mark.parametrize(
    ("use", "appears", "number", "anew"),
    [
        pytest.param("runtime", "pyvenv.cfg", signal.SIGKILL, True, id="SIGKILL while it is made"),
        pytest.param("runtime", ".fetched/part1.txt", signal.SIGKILL, False, id="while it fetches"),
        pytest.param("runtime", ".fetched/part1.txt", signal.SIGINT, False, id="Ctrl-C meanwhile"),
        pytest.param("dev", ".unfinished", signal.SIGKILL, True, id="SIGKILL while it installs"),
        pytest.param("dev", ".unfinished", signal.SIGINT, True, id="Ctrl-C while it installs"),
    ],
)
def test_an_interrupted_installation_is_repaired(
    checkout: Checkout, use: str, appears: str, number: signal.Signals, *, anew: bool
) -> None:
    if use == "dev":
        checkout.make("runtime")
    checkout.interrupt(use, f".venv/{appears}", number)
    said = checkout.make("dev")
    assert ("Making .venv anew, as its installation was interrupted" in said) == anew
    assert checkout.installed == DEV
    assert not list((checkout.folder / ".venv").glob(".[uf]*"))
    assert checkout.make("dev") == ""


def test_a_folder_that_moved_gets_another(checkout: Checkout, tmp_path: Path) -> None:
    checkout.make("runtime")
    shutil.move(checkout.folder, tmp_path / "elsewhere")
    checkout.folder = tmp_path / "elsewhere"
    assert "anew, as it was made in another folder" in checkout.make("runtime")
    assert checkout.installed == RUNTIME


def test_a_venv_made_by_hand_is_used_with_the_pip_in_it(checkout: Checkout) -> None:
    venv = checkout.folder / ".venv"
    subprocess.run([BASE, "-m", "venv", venv], check=True)  # noqa: S603 (our own Python)
    (mark,) = venv.glob("lib/python3*/site-packages/pip")
    (mark / "mark").touch()
    assert "Making" not in checkout.make("runtime")
    assert (mark / "mark").exists()
    assert checkout.installed == RUNTIME
