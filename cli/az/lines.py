"""What points az at a server: variables and commands, and both as lines for a shell.

az keeps the settings of a cloud, and its tokens, in a configuration folder. We use a folder apart
from the user's own, with the server's port in its name, so that neither affects the other. The
secret goes to az through standard input, so it appears in no process list and no shell history.
"""

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # untyped

CLOUD = "Portcall"
SECRET_VARIABLE = "AZURE_CLIENT_SECRET"  # noqa: S105 (the name of a variable)
_READ_SECRET = r"""s/^ *"client_secret": "\(.*\)",*$/\1/p"""  # noqa: S105 (an expression of sed)


class Shell(StrEnum):
    """A family of shells that share a syntax."""

    SH = "sh"
    FISH = "fish"
    POWERSHELL = "powershell"


@dataclass(frozen=True, slots=True)
class AzTarget:
    """A server, and the principal that logs in.

    Attributes:
        url: Of the management API over TLS.
        folder: az's configuration folder for it.
        client_id: The principal.
        client_secret: Its secret.
        tenant: The tenant's GUID.
        ca_file: The CA that signed the server's certificate; None: a publicly trusted one.
        ready_file: The file with the secret; None: the variable AZURE_CLIENT_SECRET has it.
        no_proxy: The value of NO_PROXY that makes az connect directly; None: not needed.
    """

    url: str
    folder: Path
    client_id: str
    client_secret: str = field(repr=False)
    tenant: str
    ca_file: Path | None = None
    ready_file: Path | None = None
    no_proxy: str | None = None

    def variables(self) -> dict[str, str]:
        """The environment in which az finds the server."""
        found = {
            "AZURE_CONFIG_DIR": str(self.folder),
            "AZURE_CORE_COLLECT_TELEMETRY": "no",
            "AZURE_CORE_LOGIN_EXPERIENCE_V2": "off",
        }
        if self.ca_file:
            found["REQUESTS_CA_BUNDLE"] = str(self.ca_file)
        if self.no_proxy:
            # Clients read both variables, the lower-case one first.
            found |= {"NO_PROXY": self.no_proxy, "no_proxy": self.no_proxy}
        return found

    def register(self) -> list[str]:
        """Return the arguments of az that register the server."""
        return ["cloud", "register", "--name", CLOUD, "--endpoint-resource-manager", self.url]

    def choose(self) -> list[str]:
        """Return the arguments that make az use it."""
        return ["cloud", "set", "--name", CLOUD, "--only-show-errors"]

    def login(self) -> list[str]:
        """Return the arguments that log in; az reads the secret from standard input."""
        who = ["--username", self.client_id, "--tenant", self.tenant, "--password", "@-"]
        return ["login", "--service-principal", *who, "--output", "none"]


def no_proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """Return the NO_PROXY that *url* needs if a proxy is set that would be used; else None."""
    host = urlsplit(url).hostname or ""
    named = {name.lower(): text for name, text in environ.items() if text}
    if not (named.get("https_proxy") or named.get("all_proxy")):
        return None
    proxies = {"no": named.get("no_proxy", "")}
    is_asked = not proxy_bypass_environment(host, proxies)
    return ",".join(filter(None, [proxies["no"], host])) if is_asked else None


def lines(target: AzTarget, shell: Shell) -> str:
    """Return the lines for a shell of that family."""
    told = [*_remarks(target, shell), *_settings(target, shell), *_commands(target, shell)]
    return "\n".join(told)


def _remarks(target: AzTarget, shell: Shell) -> Iterator[str]:
    yield f"# Points az in this shell at Portcall on {target.url}: {_USES[shell]}"
    where = target.ready_file or f"the variable {SECRET_VARIABLE}"
    yield f"# The secret comes from {where}."
    yield "# `portcall token create` creates principals with fewer rights."
    if target.ca_file:
        yield "# With REQUESTS_CA_BUNDLE az trusts this CA and no other. To trust others, too,"
        yield "# name a file with both: cat /etc/ssl/certs/ca-certificates.crt THIS_FILE >BOTH"


def _settings(target: AzTarget, shell: Shell) -> Iterator[str]:
    for name, text in target.variables().items():
        yield _ASSIGNMENTS[shell].format(name=name, text=_QUOTES[shell](text))


def _commands(target: AzTarget, shell: Shell) -> Iterator[str]:
    quote = _QUOTES[shell]

    def az(arguments: list[str]) -> str:
        return " ".join(["az", *(quote(argument) for argument in arguments)])

    yield _UNLESS[shell].format(
        test=az(["cloud", "show", "--name", CLOUD]), command=az(target.register())
    )
    yield az(target.choose())
    yield f"{_secret(target, shell)} | {az(target.login())}"


def _secret(target: AzTarget, shell: Shell) -> str:
    """Return a command that prints the secret without containing it."""
    quote = _QUOTES[shell]
    if shell is Shell.POWERSHELL:
        if target.ready_file is None:
            return f"$env:{SECRET_VARIABLE}"
        return f"(Get-Content {quote(str(target.ready_file))} | ConvertFrom-Json).client_secret"
    if target.ready_file is None:
        return f'printf %s "${SECRET_VARIABLE}"'
    return f"sed -n {quote(_READ_SECRET)} {quote(str(target.ready_file))}"


def _fish(text: str) -> str:
    return (
        text
        if shlex.quote(text) == text
        else "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    )


def _powershell(text: str) -> str:
    # Always quoted: without quotes, PowerShell takes a word after = for a command.
    return "'" + text.replace("'", "''") + "'"


_QUOTES: dict[Shell, Callable[[str], str]] = {
    Shell.SH: shlex.quote,
    Shell.FISH: _fish,
    Shell.POWERSHELL: _powershell,
}
_USES = {
    Shell.SH: 'eval "$(portcall az-env)"',
    Shell.FISH: "portcall az-env --shell fish | source",
    Shell.POWERSHELL: "portcall az-env --shell powershell | Out-String | Invoke-Expression",
}
_ASSIGNMENTS = {
    Shell.SH: "export {name}={text}",
    Shell.FISH: "set -gx {name} {text}",
    Shell.POWERSHELL: "$env:{name} = {text}",
}
_UNLESS = {
    Shell.SH: "{test} >/dev/null 2>&1 || {command}",
    Shell.FISH: "{test} >/dev/null 2>&1; or {command}",
    Shell.POWERSHELL: "{test} *> $null; if (-not $?) {{ {command} }}",
}
