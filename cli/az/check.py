"""`portcall az-env --check`: run az against the server, and say which step fails and why."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from portcall.cli.az.lines import AzTarget
from portcall.cli.client import check
from portcall.cli.doctor.findings import Finding, ok, wrong
from portcall.cli.errors import CliError, NotRunningError, UsageError
from portcall.cli.transport import HttpTransport

PATIENCE_S = 10.0
COMMAND_S = 120.0
"""az can be slow on a busy machine, and repeats a request by itself when the server refuses it for
now."""
INSTALL = (
    "install it (https://learn.microsoft.com/cli/azure/install-azure-cli), or give its path:"
    " --az PATH"
)
_CERTIFICATE = (
    "if the CA file comes from `portcall up`, restart that; else name the right CA file:"
    " REQUESTS_CA_BUNDLE with --url, PORTCALL_TLS_CA_FILE for `portcall up`; the certificate"
    " must contain the server's address"
)
_NOT_OURS = re.compile(r"^(AZURE_|ARM_|IDENTITY_|MSI_)")

_ADVICE = (
    ("certificate verify failed", _CERTIFICATE),
    ("proxy", "there is a proxy in between: set NO_PROXY to the server's host"),
    ("timed out", "run `portcall doctor` to see what is wrong at the server"),
    ("connection", "start `portcall up`, or correct the address"),
)
"""Texts in az's errors, each with the advice for it; the first match counts."""


class AzError(CliError):
    """A command of az failed; the message is az's own."""


@dataclass(frozen=True, slots=True)
class AzProgram:
    """An az that runs with the environment of a target.

    Attributes:
        path: The program.
        environ: Its whole environment.
    """

    path: str
    environ: Mapping[str, str]

    def run(self, arguments: Sequence[str], said: str = "") -> str:
        """Run a command with *said* on its standard input, and return its output.

        Raises:
            AzError: It failed.
        """
        try:
            done = subprocess.run(  # noqa: S603 (the az that the user named, or that is on PATH)
                [self.path, *arguments],
                env=dict(self.environ),
                input=said,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=COMMAND_S,
            )
        except OSError as error:
            raise AzError(f"cannot run {self.path}: {error.strerror}") from error
        except subprocess.TimeoutExpired:
            raise AzError(
                f"az {' '.join(arguments[:2])} timed out after {COMMAND_S:.0f} s"
            ) from None
        if done.returncode != 0:
            raise AzError(complaint(done.stderr) or f"az ended with exit code {done.returncode}")
        return done.stdout


def examine(target: AzTarget, az: Path | None, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield each step with its result; stop after the first failed one.

    Args:
        target: The server.
        az: The program; None: the one on PATH.
        environ: The environment of this shell.

    Raises:
        UsageError: *az* is no program.
    """
    path = _program(az, environ)
    if path is None:
        yield wrong("az", "az is not on PATH", INSTALL)
        return
    with tempfile.TemporaryDirectory(prefix="azure-portcall-") as folder:
        # Not the folder's own name: az also looks for a folder of that name in the parent folders.
        private = replace(target, folder=Path(folder) / f"{Path(folder).name}-config")
        program = AzProgram(path, environment(private, environ))
        for step in (_version, _server, _cloud, _login, _registries):
            finding = step(program, private)
            yield finding
            if finding.advice:
                return


def environment(target: AzTarget, environ: Mapping[str, str]) -> dict[str, str]:
    """Return this shell's environment without the variables that point az elsewhere."""
    kept = {name: text for name, text in environ.items() if not _NOT_OURS.match(name)}
    kept.pop("REQUESTS_CA_BUNDLE", None)
    return kept | target.variables()


def complaint(text: str) -> str:
    """Return az's own error line, without its suggestions."""
    found = [line.strip() for line in text.splitlines() if line.startswith("ERROR:")]
    rest = [line.strip() for line in text.splitlines() if line.strip()]
    return (found or rest[-1:] or [""])[0].removeprefix("ERROR:").strip()


def _program(az: Path | None, environ: Mapping[str, str]) -> str | None:
    if az is None:
        return shutil.which("az", path=environ.get("PATH"))
    path = az.expanduser()
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise UsageError(f"--az: {az} cannot be run as a program")
    return str(path.absolute())


def _version(az: AzProgram, _target: AzTarget) -> Finding:
    try:
        version = json.loads(az.run(["version", "--output", "json"]))["azure-cli"]
    except AzError as error:
        return wrong("az", str(error), INSTALL)
    except (ValueError, KeyError, TypeError):
        return wrong("az", f"{az.path} is not Microsoft's az", INSTALL)
    return ok("az", f"{version}, {az.path}")


def _server(_az: AzProgram, target: AzTarget) -> Finding:
    ca_file = str(target.ca_file or "")
    try:
        with HttpTransport(target.url, token="", ca_file=ca_file, patience_s=PATIENCE_S) as http:
            reply = http.request("GET", "/metadata/endpoints?api-version=2022-09-01")
            check(reply)
            document: Any = reply.document
            login = document["authentication"]["loginEndpoint"]
    except (KeyError, TypeError):
        found = f"{target.url} answers, but it is not a Portcall that az can use"
        return wrong("server", found, "give the management API's TLS address with --url")
    except NotRunningError as error:
        if "not trusted" in str(error):
            return wrong("server", str(error).partition(": ")[0], _CERTIFICATE)
        found, _, advice = str(error).partition(": ")
        return wrong("server", found, advice or "start `portcall up`")
    except CliError as error:
        return wrong("server", str(error), "run `portcall doctor` to see what is wrong there")
    return ok("server", f"{target.url}, trusted; logs in at {login}")


def _cloud(az: AzProgram, target: AzTarget) -> Finding:
    try:
        az.run(target.register())
        az.run(target.choose())
    except AzError as error:
        return wrong("cloud", str(error), advice_on(str(error)))
    return ok("cloud", "registered and chosen")


def _login(az: AzProgram, target: AzTarget) -> Finding:
    try:
        az.run(target.login(), target.client_secret)
    except AzError as error:
        return wrong("login", str(error).replace(target.client_secret, "***"), _on_login(error))
    return ok("login", f"as {target.client_id}")


def _on_login(error: AzError) -> str:
    """Return why a login was refused."""
    told = str(error).lower()
    if any(word in told for word in ("invalid_client", "aadsts", "secret", "credential")):
        return (
            "the server does not know this client id or secret, or the token was revoked:"
            " restart `portcall up`, or create another one with `portcall token create`"
        )
    return advice_on(told)


def _registries(az: AzProgram, _target: AzTarget) -> Finding:
    try:
        found = json.loads(az.run(["acr", "list", "--output", "json"]))
    except AzError as error:
        return wrong("registries", str(error), advice_on(str(error)))
    except ValueError as error:
        return wrong("registries", f"the output of az acr list is not JSON: {error}", INSTALL)
    return ok("registries", f"az acr list shows {len(found)}")


def advice_on(told: str) -> str:
    """Return what to do about an error of az."""
    told = told.lower()
    fitting = (advice for word, advice in _ADVICE if word in told)
    return next(fitting, "run `portcall doctor`, and read the output of `portcall up`")
