"""The real az as a test runs it: a private configuration folder, one process for each command."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.installation import Document

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / ".cache" / "azure"
CLOUD = "PortcallTests"
OUTWARD = ("AZURE_", "ARM_", "IDENTITY_", "MSI_", "PORTCALL_", "PYTHON")
"""How the names of variables begin that would let az find something else than it is told."""


def python_of(environment: str) -> Path | None:
    """The Python of ``requirements/<environment>.txt``, where that is installed as locked."""
    folder = ENVIRONMENTS / environment
    locked = ROOT / "requirements" / f"{environment}.txt"
    made_of = folder / "made-of.txt"
    if not made_of.exists() or made_of.read_bytes() != locked.read_bytes():
        return None
    return folder / "bin" / "python"


def clean_environ() -> dict[str, str]:
    """This process's environment without what az, the SDK or azure-identity would read."""
    return {name: text for name, text in os.environ.items() if not name.startswith(OUTWARD)}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 (whatever a command prints)
        """What it printed; it must have succeeded."""
        assert self.code == 0, self.err
        return json.loads(self.out) if self.out else None

    @property
    def table(self) -> list[str]:
        """The lines of its table; it must have succeeded."""
        assert self.code == 0, self.err
        return self.out.splitlines()


class Az:
    """Runs az against one installation.

    Args:
        folder: Of the configuration; its name must be that of no folder above the tests.
        ca_file: Of the server's CA.
        environ: What differs from a clean environment.
    """

    def __init__(
        self, folder: Path, ca_file: str, environ: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.environ = {
            **clean_environ(),
            "AZURE_CONFIG_DIR": str(folder),
            "AZURE_CORE_COLLECT_TELEMETRY": "no",
            "AZURE_CORE_LOGIN_EXPERIENCE_V2": "off",
            "REQUESTS_CA_BUNDLE": ca_file,
            **(environ or {}),
        }

    @property
    def program(self) -> Path:
        return ENVIRONMENTS / "azure-cli" / "bin" / "az"

    def __call__(self, *arguments: str) -> Ended:
        """Run ``az ARGUMENTS``; its output is JSON unless they say otherwise."""
        done = subprocess.run(  # noqa: S603 (the az of our own environment)
            [self.program, *arguments],
            env=self.environ,
            cwd=self.folder.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def acr(self, *arguments: str) -> Ended:
        return self("acr", *arguments)

    def webhook(self, *arguments: str) -> Ended:
        return self("acr", "webhook", *arguments)

    def register(self, url: str) -> None:
        """Make the server known, and use it from now on."""
        for words in (("register", "--endpoint-resource-manager", url), ("set",)):
            command, *rest = words
            ended = self("cloud", command, "--name", CLOUD, *rest)
            assert ended.code == 0, ended.err

    def log_in(self, ready: Document, **changes: str) -> Ended:
        """Log in as ready.json's principal, but for what *changes*."""
        who = {key: ready[key] for key in ("client_id", "client_secret", "tenant")} | changes
        return self(
            "login", "--service-principal", "--username", who["client_id"],
            "--password", who["client_secret"], "--tenant", who["tenant"],
        )  # fmt: skip
