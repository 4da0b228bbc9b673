"""compose.yaml on an engine: an own one of Debian packages, or the one of this machine."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache"
CLIENT = CACHE / "docker-engine"
SLOW_S = 1800
CANNOT = 3
"""The exit code of an engine's script where there can be no engine."""


class NoEngineError(Exception):
    """This machine can have no engine; the text says why."""


def _wants_podman() -> bool:
    return os.environ.get("PORTCALL_TEST_ENGINE") == "podman"


def _is_there() -> bool:
    """Whether the tests use an engine of this machine."""
    found = not _wants_podman() and Path("/var/run/docker.sock").exists()
    return "DOCKER_HOST" in os.environ or found


def _script() -> Path:
    """What starts and stops the tests' own engine."""
    return ROOT / "scripts" / ("podman-engine" if _wants_podman() else "docker-engine")


def _ask(what: str) -> None:
    """Let the script start the engine, or say whether it could."""
    code, said = _let(_script(), what)
    if code == CANNOT:
        raise NoEngineError(said.splitlines()[-1])
    assert code == 0, said


def _let(script: Path, *arguments: str | Path) -> tuple[int, str]:
    """Run the script; its exit code, and what it says. What interrupts this ends all that it began.

    It has a session of its own for that: a builder that outlives the tests would go on in a
    storage that the end of the engine cleans. The engine itself has left that session.
    """
    with subprocess.Popen(
        [script, *arguments], stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            _, said = process.communicate(timeout=SLOW_S)
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise
    return process.returncode, said


def check_possible() -> None:
    """Say quickly whether there can be an engine.

    Raises:
        NoEngineError: There cannot.
    """
    if not _is_there():
        _ask("possible")


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other run of these tests uses the same engine, for the time of a block.

    An engine of the tests' own is one of this checkout; the machine's is everybody's, and each
    run uses the same names, ports and networks there.
    """
    folder = Path(tempfile.gettempdir()) if _is_there() else CACHE
    folder.mkdir(exist_ok=True)
    with (folder / "portcall-containers.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True, slots=True)
class Engine:
    """Docker or Podman, each with Docker's client.

    Attributes:
        script: What starts and stops the tests' own, which is in a network namespace without a way
            out; None: the engine is this machine's.
        was_up: Whether it ran before the tests did: it is left as it was.
        environ: The environment of its client.
        files: What must follow a compose file on it.
    """

    script: Path | None
    was_up: bool
    environ: dict[str, str]
    files: tuple[Path, ...] = ()

    @classmethod
    def started(cls) -> "Engine":
        """This machine's engine, if there is one; else one of Debian packages is started.

        Raises:
            NoEngineError: There is none, and none can be started.
        """
        is_podman = _wants_podman()
        files = (ROOT / "compose.podman.yaml",) if is_podman else ()
        if _is_there():
            return cls(script=None, was_up=True, environ=dict(os.environ), files=files)
        script = _script()
        was_up = subprocess.run([script, "up"], check=False).returncode == 0
        try:
            _ask("start")
        except BaseException:
            if not was_up:
                subprocess.run([script, "stop"], check=False, timeout=SLOW_S)
            raise
        host = f"{CLIENT}/docker.sock"
        if is_podman:
            pid = (CACHE / "podman-engine" / "podman.pid").read_text().strip()
            host = f"/proc/{pid}/root/run/podman.sock"
        unpacked = CLIENT / "x" / "usr"
        environ = {
            **os.environ,
            "PATH": f"{unpacked}/sbin:{unpacked}/bin:{os.environ['PATH']}",
            "DOCKER_HOST": f"unix://{host}",
            "DOCKER_CONFIG": str(CLIENT / "config"),
        }
        return cls(script=script, was_up=was_up, environ=environ, files=files)

    @property
    def is_podman(self) -> bool:
        """Whether it is Podman."""
        return bool(self.files)

    @property
    def name(self) -> str:
        """What it is, with its version: ``docker 28.5.2``."""
        version = self.docker("version", "--format", "{{.Server.Version}}").strip()
        return f"{'podman' if self.is_podman else 'docker'} {version}"

    def build(self, tag: str, checkout: Path = ROOT) -> None:
        """Build Portcall's image, and bring it into the engine."""
        if self.script:
            code, said = _let(self.script, "build", tag, checkout)
            assert code == 0, said
        else:
            self.docker("build", "--tag", f"portcall:{tag}", str(checkout))

    def stop(self) -> None:
        """End the engine, if it is the tests' own."""
        if self.script and not self.was_up:
            subprocess.run([self.script, "stop"], check=True, timeout=SLOW_S)

    def docker(self, *arguments: str, environ: dict[str, str] | None = None) -> str:
        """Run the client, and return what it prints."""
        return _run(["docker", *arguments], {**self.environ, **(environ or {})})

    def near(self, *command: str) -> str:
        """Run a command in the engine's network, where the published ports are."""
        script = [str(self.script), "run"] if self.script else []
        return _run([*script, *command], self.environ)


@dataclass
class Stack:
    """compose.yaml, up.

    Attributes:
        engine: Where it runs.
        folder: Its secrets, and other files of the test.
        name: The project's name.
        variables: What the environment says to compose.yaml.
        file: The compose file.
        more: Files with changes to it.
        up_s: How long it took until all was healthy; 0 before.
    """

    engine: Engine
    folder: Path
    name: str = "portcall-test"
    variables: dict[str, str] = field(default_factory=dict)
    file: Path = ROOT / "compose.yaml"
    more: tuple[Path, ...] = ()
    up_s: float = 0.0

    def compose(self, *arguments: str) -> str:
        """Run `docker compose`, and return what it prints."""
        files = [
            word
            for file in (self.file, *self.engine.files, *self.more)
            for word in ("--file", str(file))
        ]
        project = ("--project-name", self.name, *files)
        environ = {"PORTCALL_SECRETS": str(self.folder / "secrets"), **self.variables}
        return self.engine.docker("compose", *project, *arguments, environ=environ)

    def make_secrets(self) -> None:
        """As an operator does, by the script."""
        subprocess.run(
            [ROOT / "scripts" / "compose-secrets", self.folder / "secrets"],
            check=True,
            cwd=self.folder,
            stdout=subprocess.PIPE,
        )

    def up(self) -> None:
        """Bring everything up, and wait until all is healthy."""
        began = time.monotonic()
        try:
            self.compose("up", "--detach", "--wait", "--no-build")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.compose('logs', '--tail', '15')}") from None
        self.up_s = time.monotonic() - began

    def down(self, *, volumes: bool = False) -> None:
        """Take everything down."""
        self.compose("down", *(["--volumes"] if volumes else []))

    def containers(self, service: str | None = None) -> list[dict[str, Any]]:
        """What `docker compose ps` says of each container."""
        lines = self.compose("ps", "--all", "--format", "json", *([service] if service else []))
        return [json.loads(line) for line in lines.splitlines() if line.strip()]

    def portcall(self, *arguments: str) -> Any:  # noqa: ANN401 (a document)
        """Run a command in management's container; what it prints, as JSON."""
        words = self.compose("exec", "-T", "management", "portcall", *arguments, "-o", "json")
        return json.loads(words)

    @property
    def consumer_name(self) -> str:
        """The container of the consumer."""
        return f"{self.name}-consumer"

    def consumer(self, status: int = 200) -> str:
        """Start a consumer where webhooks are sent, which answers with *status*; its address."""
        self.engine.docker("rm", "--force", self.consumer_name)
        self.engine.docker(
            "run", "--detach", "--name", self.consumer_name, "--network", f"{self.name}_outside",
            "--network-alias", "consumer", f"portcall:{self.variables['PORTCALL_VERSION']}",
            "sink", "--host", "0.0.0.0", "--port", "7000", "--quiet",  # noqa: S104 (in a container)
            "--status", str(status),
        )  # fmt: skip
        return "http://consumer:7000/"

    def kill(self, service: str) -> str:
        """End one container of *service* as a crash would; its id."""
        container = str(self.containers(service)[0]["ID"])
        self.engine.docker("kill", "--signal", "KILL", container)
        return container

    def wait(self, until_s: float, what: str, *services: str) -> None:
        """Wait until all containers of *services* are healthy."""
        end = time.monotonic() + until_s
        while any(
            each["Health"] != "healthy" for name in services for each in self.containers(name)
        ):
            assert time.monotonic() < end, f"{what}: {self.compose('ps')}"
            time.sleep(0.5)


def _run(command: list[str], environ: dict[str, str]) -> str:
    program = shutil.which(command[0], path=environ["PATH"])
    assert program, f"{command[0]} is not there"
    done = subprocess.run(
        [program, *command[1:]],
        env=environ,
        check=False,
        capture_output=True,
        text=True,
        timeout=SLOW_S,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout
