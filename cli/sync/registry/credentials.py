"""Credentials for a registry: from options, the environment, or Docker's configuration file.

They are kept in memory only, and no message has them.

Source: docker/cli ``cli/config/configfile`` (``auths``: a map from an address to ``auth``, the
base64 of ``user:password``, or an ``identitytoken``).
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portcall.cli.errors import UsageError

USERNAME = "PORTCALL_REGISTRY_USERNAME"
PASSWORD = "PORTCALL_REGISTRY_PASSWORD"  # noqa: S105 (the variable's name)
MAX_CONFIG_BYTES = 1024 * 1024
_DOCKER_HUB = "https://index.docker.io/v1/"
_DOCKER_HUB_HOSTS = ("docker.io", "index.docker.io", "registry-1.docker.io")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks; all fields are empty for an anonymous client.

    Attributes:
        username: The user or the robot account.
        password: Its password, or an access token.
        identity_token: A refresh token for the registry's token server, instead of both.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.username or self.identity_token)

    @property
    def basic(self) -> str:
        """The value of an Authorization header; empty without a user."""
        if not self.username:
            return ""
        text = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(text).decode('ascii')}"


def find_credentials(
    host: str, username: str | None, password: str | None, environ: Mapping[str, str]
) -> Credentials:
    """The credentials for a registry: options first, then the environment, then Docker's file.

    Args:
        host: The registry's host, with its port if the address has one.
        username: The value of ``--username``.
        password: What ``--password-stdin`` read.
        environ: The environment.

    Raises:
        UsageError: A user without a password or the reverse, or a file that cannot be used.
    """
    username = username or environ.get(USERNAME)
    if password is None:
        password = environ.get(PASSWORD)
    if username and password is not None:
        if ":" in username:
            raise UsageError("--username: a user's name has no colon")
        return Credentials(username, password)
    if username:
        raise UsageError(
            f"the user {username!r} has no password: use --password-stdin, or set {PASSWORD}"
        )
    if password is not None:
        raise UsageError(f"there is a password without a user: use --username, or set {USERNAME}")
    return _of_docker(host, config_file(environ))


def config_file(environ: Mapping[str, str]) -> Path:
    """Where Docker keeps its configuration."""
    folder = environ.get("DOCKER_CONFIG") or Path(environ.get("HOME") or "~") / ".docker"
    return Path(folder).expanduser() / "config.json"


def _of_docker(host: str, path: Path) -> Credentials:
    entry = _entry(_auths(path), host)
    if entry is None:
        return Credentials()
    if token := entry.get("identitytoken"):
        return Credentials(identity_token=str(token))
    auth = entry.get("auth")
    if not auth:
        raise UsageError(
            f"{path} keeps the password for {host} in a credential helper, which is not called:"
            f" set {USERNAME} and {PASSWORD}"
        )
    try:
        text = base64.b64decode(str(auth), validate=True).decode()
    except (binascii.Error, ValueError):
        raise UsageError(f"{path}: the entry for {host} is not base64") from None
    username, colon, password = text.rstrip("\0").partition(":")
    if not colon or not username:
        raise UsageError(f"{path}: the entry for {host} has no user and password")
    return Credentials(username, password)


def _auths(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_CONFIG_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    try:
        document = json.loads(content) if len(content) <= MAX_CONFIG_BYTES else None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise UsageError(f"{path} is not Docker's configuration: it is no JSON object")
    auths = document.get("auths")
    return auths if isinstance(auths, dict) else {}


def _entry(auths: Mapping[str, Any], host: str) -> Mapping[str, Any] | None:
    """The entry for a host; Docker writes it with or without a scheme and a path."""
    if host in _DOCKER_HUB_HOSTS and isinstance(auths.get(_DOCKER_HUB), dict):
        entry: Mapping[str, Any] = auths[_DOCKER_HUB]
        return entry
    for address, found in auths.items():
        if _host_of(address) == host and isinstance(found, dict):
            return found
    return None


def _host_of(address: str) -> str:
    _, slashes, rest = address.partition("://")
    return (rest if slashes else address).partition("/")[0].lower()
