"""Find the server that a command talks to.

It comes from ``--url`` or ``PORTCALL_URL``, with ``PORTCALL_TOKEN``, else from
``$PORTCALL_HOME/ready.json``, which `portcall up` writes.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portcall.cli.errors import NotRunningError, UsageError
from portcall.cli.transport import shown

DEFAULT_HOME = ".portcall"
RESOURCE_GROUP = "portcall"


@dataclass(frozen=True, slots=True)
class Server:
    """An installation that commands talk to.

    Attributes:
        management_url: Of the management API, without a slash at the end.
        producer_url: Where events are published; with ``--url`` alone, the same address. With
            ``PORTCALL_URL`` it may be ``PORTCALL_PRODUCER_URL``.
        token: The administrator's token.
        subscription: Its subscription's GUID; empty without ready.json (read from the API).
        resource_group: The resource group of new registries.
        ready: The content of ready.json; empty without it.
    """

    management_url: str
    producer_url: str
    token: str = field(repr=False)
    subscription: str = ""
    resource_group: str = RESOURCE_GROUP
    ready: Mapping[str, Any] = field(default_factory=dict, repr=False)


def home_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of this installation: ``$PORTCALL_HOME``, else ``./.portcall``."""
    environ = os.environ if environ is None else environ
    return Path(environ.get("PORTCALL_HOME") or DEFAULT_HOME)


def find_server(
    url: str | None = None,
    token: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> Server:
    """Return the server that the options and the environment name.

    Args:
        url: The value of ``--url``: the management API, or for `portcall emit` the producer.
        token: The administrator's token, where it is not in ``PORTCALL_TOKEN`` or ready.json.
        environ: The environment; by default that of the process.

    Raises:
        NotRunningError: Neither names one, and `portcall up` is not running in this home.
        UsageError: ``--url`` or ``PORTCALL_URL`` without a token.
    """
    environ = os.environ if environ is None else environ
    home = home_folder(environ)
    source, producer_url = "--url", url
    if url is None and (url := environ.get("PORTCALL_URL") or None):
        source, producer_url = "PORTCALL_URL", environ.get("PORTCALL_PRODUCER_URL") or url
    if url is None or producer_url is None:
        return _from_ready(read_ready(home), token, home / "ready.json")
    url = url.rstrip("/")
    try:
        here = read_ready(home)
    except NotRunningError:
        here = {}
    known = ("management_url", "management_tls_url", "producer_url")
    if url in {str(here.get(key)).rstrip("/") for key in known}:
        return _at_home(url, here, token or environ.get("PORTCALL_TOKEN"))
    token = token or environ.get("PORTCALL_TOKEN")
    if not token:
        raise UsageError(
            f"{source} {shown(url)} needs the administrator's token of that server: set"
            " PORTCALL_TOKEN"
        )
    return Server(url, producer_url.rstrip("/"), token)


def read_ready(home: Path) -> dict[str, Any]:
    """Read what `portcall up` wrote about itself.

    Raises:
        NotRunningError: It is not running in *home*, or its file cannot be read.
    """
    path = home / "ready.json"
    try:
        ready = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise NotRunningError(
            f"`portcall up` is not running here: {path} does not exist. Start it, or set"
            " PORTCALL_HOME to the folder where it runs, or name a server with --url (or"
            " PORTCALL_URL) and PORTCALL_TOKEN"
        ) from None
    except OSError as error:
        raise NotRunningError(
            f"{path} cannot be read ({error.strerror}): use the account that runs `portcall"
            " up`, or name a server with --url (or PORTCALL_URL) and PORTCALL_TOKEN"
        ) from error
    except ValueError as error:
        raise NotRunningError(f"{path} is damaged ({error}): restart `portcall up`") from error
    if not isinstance(ready, dict):
        raise NotRunningError(f"{path} is damaged (not a JSON object): restart `portcall up`")
    return ready


def _from_ready(ready: dict[str, Any], token: str | None, path: Path) -> Server:
    try:
        return Server(
            management_url=str(ready["management_url"]).rstrip("/"),
            producer_url=str(ready["producer_url"]).rstrip("/"),
            token=token or str(ready["token"]),
            subscription=str(ready["subscription"]),
            resource_group=str(ready["resource_group"]),
            ready=ready,
        )
    except KeyError as error:
        raise NotRunningError(
            f"{path} is damaged ({error} is missing): restart `portcall up`"
        ) from None


def _at_home(url: str, ready: dict[str, Any], token: str | None) -> Server:
    """Return the server for an address in ready.json that ``--url`` names: its token is known."""
    known = _from_ready(ready, token, Path("ready.json"))
    if url == known.producer_url:
        return known
    return Server(
        url, known.producer_url, known.token, known.subscription, known.resource_group, ready
    )
