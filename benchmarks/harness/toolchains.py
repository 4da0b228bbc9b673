"""What the peers are made with: a virtual environment, node_modules, a Go binary; made once.

They stand in ``benchmarks/.cache`` under a digest of the file that locks them. Whatever is missing
on this machine raises `MissingError` with a word on how to get it.
"""

import asyncio
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1]
ROOT = BENCHMARKS.parent
CACHE = BENCHMARKS / ".cache"
WORKERS = BENCHMARKS / "peers" / "workers"
PIPELINES = BENCHMARKS / "peers" / "pipelines"
REQUIREMENTS = ROOT / "requirements" / "bench.txt"
LOAD_TOOLS = ROOT / "requirements" / "loadtools.txt"
GO_SOURCES = Path("/usr/share/gocode")
"""Where Debian puts Go libraries."""
GO_LIBRARY = "golang-github-rabbitmq-amqp091-go-dev"
NODE_SQLITE = "better-sqlite3"
GO_SQLITE = "golang-github-mattn-go-sqlite3-dev"


class MissingError(Exception):
    """Something is not on this machine; the message says what, and how to get it."""


def python_of(tree: Path) -> str:
    """The Python that runs a checkout: that of another one's own ``.venv``, else this one."""
    own = tree / ".venv" / "bin" / "python"
    return str(own) if tree != ROOT and own.exists() else sys.executable


async def python(requirements: Path = REQUIREMENTS) -> Path:
    """The Python of the peers' own environment.

    Args:
        requirements: What is installed there.

    Raises:
        MissingError: The packages cannot be installed.
    """
    folder = CACHE / f"python-{_digest(requirements)}"
    program = folder / "bin" / "python"
    if not (folder / "complete").exists():
        _say(f"Installing requirements/{requirements.name} into {_shown(folder)}")
        await run([sys.executable, "-m", "venv", "--clear", str(folder)])
        pip = [str(program), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        await run([*pip, "--require-hashes", "--requirement", str(requirements)])
        (folder / "complete").touch()
    return program


async def node(source: Path = WORKERS / "node") -> tuple[Path, Path]:
    """The node program, and a folder with a peer's script and its node_modules.

    Args:
        source: The peer: package.json, package-lock.json and scripts.

    Raises:
        MissingError: There is no node or npm, or the packages cannot be installed.
    """
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        raise MissingError("node and npm are not installed (apt-get install nodejs npm)")
    folder = CACHE / f"node-{_digest(source / 'package-lock.json')}"
    if not (folder / "complete").exists():
        _say(f"Installing {', '.join(_dependencies(source))} into {_shown(folder)}")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(source / name, folder)
        await run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder)
        await _build_native(npm, Path(program), folder)
        (folder / "complete").touch()
    shutil.copytree(source, folder, dirs_exist_ok=True)
    return Path(program), folder


async def _build_native(npm: str, program: Path, folder: Path) -> None:
    """Build what is C++ from its source, with Node's own headers where they are installed."""
    if not (folder / "node_modules" / NODE_SQLITE).exists():
        return
    place = program.parents[1]
    headers = [f"--nodedir={place}"] if (place / "include/node/node.h").exists() else []
    await run([npm, "rebuild", NODE_SQLITE, "--build-from-source", *headers], cwd=folder)


async def go(source: Path = WORKERS / "go" / "worker.go") -> Path:
    """A Go peer, built offline from Debian's sources of its libraries.

    Args:
        source: Its one file.

    Raises:
        MissingError: There is no Go, or not a library, or it cannot be built.
    """
    program = shutil.which("go")
    libraries = {"rabbitmq/amqp091-go": GO_LIBRARY}
    if source.parent.parent == PIPELINES:
        libraries["mattn/go-sqlite3"] = GO_SQLITE
    if program is None or not all(
        (GO_SOURCES / "src/github.com" / name).exists() for name in libraries
    ):
        packages = " ".join(libraries.values())
        raise MissingError(
            f"Go or a library is not installed (apt-get install golang-go {packages})"
        )
    binary = CACHE / f"go-{_digest(source)}" / source.stem
    if not binary.exists():
        env = {
            "GO111MODULE": "off",
            "GOPATH": str(GO_SOURCES),
            "GOCACHE": str(CACHE / "go-build"),
            "GOFLAGS": "",
        }
        _say(f"Building {_shown(binary)}")
        binary.parent.mkdir(parents=True, exist_ok=True)
        await run([program, "build", "-o", str(binary), str(source)], env=env)
    return binary


async def versions() -> dict[str, str]:
    """The versions of what the peers are made with; those that are there."""
    found = _locked_versions() | _node_versions()
    commands = {
        "go": ["go", "version"],
        "node": ["node", "--version"],
        "nginx": ["/usr/sbin/nginx", "-v"],
        "amqp091-go": ["dpkg-query", "--show", "--showformat=${Version}", GO_LIBRARY],
        "go-sqlite3": ["dpkg-query", "--show", "--showformat=${Version}", GO_SQLITE],
        "rabbitmq": ["dpkg-query", "--show", "--showformat=${Version}", "rabbitmq-server"],
        "erlang": ["dpkg-query", "--show", "--showformat=${Version}", "erlang-base"],
    }
    for name, argv in commands.items():
        try:
            said = await run(argv)
        except MissingError:
            continue
        found[name] = said.strip().removeprefix("go version ").removeprefix("nginx version: ")
    return found


def _locked_versions() -> dict[str, str]:
    """Of the Python peers, by the lock file."""
    wanted = {
        "aio-pika", "aiohttp", "aiormq", "celery", "dramatiq", "faststream", "gevent", "kombu",
        "pika", "requests", "taskiq", "taskiq-aio-pika", "uvloop",
    }  # fmt: skip
    pins = re.findall(
        r"^([a-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", REQUIREMENTS.read_text(), flags=re.MULTILINE
    )
    return {name: version for name, version in pins if name in wanted}


def _node_versions() -> dict[str, str]:
    return _dependencies(PIPELINES / "node") | _dependencies(WORKERS / "node")


def _dependencies(source: Path) -> dict[str, str]:
    package = json.loads((source / "package.json").read_text())
    pinned: dict[str, str] = package["dependencies"]
    return pinned


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _say(what: str) -> None:
    print(what, flush=True)


async def run(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> str:
    """Run a command to its end and give what it said.

    Raises:
        MissingError: It cannot be run, or failed.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        raise MissingError(f"{argv[0]} cannot be run: {error.strerror}") from error
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise MissingError(f"{' '.join(argv)} failed:\n{said.decode(errors='replace')[-2000:]}")
    return said.decode(errors="replace")
