"""`portcall az-env`: point Microsoft's az at this server, and check that it works."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from portcall.cli.az.check import examine
from portcall.cli.az.lines import SECRET_VARIABLE, AzTarget, Shell, lines, no_proxy_for
from portcall.cli.client import Document
from portcall.cli.doctor.verdicts import report
from portcall.cli.errors import NotRunningError, UsageError
from portcall.cli.examples import examples
from portcall.cli.options import SERVER_PANEL, Format
from portcall.cli.output import say
from portcall.cli.server import home_folder, read_ready
from portcall.cli.transport import shown

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

_VARIABLES = ("AZURE_CLIENT_ID", SECRET_VARIABLE, "AZURE_TENANT_ID")


@app.command(
    epilog=examples(
        'eval "$(portcall az-env)"',
        "portcall az-env --shell fish | source",
        "portcall az-env --check",
        "portcall az-env --check --az ~/azure/bin/az",
    )
)
def az_env(
    *,
    shell: Annotated[
        Shell,
        typer.Option("--shell", help="The shell that the lines are for.", case_sensitive=False),
    ] = Shell.SH,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Run them instead, in a temporary configuration folder, and say what is wrong"
            " and how to fix it.",
        ),
    ] = False,
    az: Annotated[
        Path | None,
        typer.Option(
            "--az", help="The az that --check runs; by default the one on PATH.", show_default=False
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            help="The https address of another server. Set AZURE_CLIENT_ID,"
            " AZURE_CLIENT_SECRET and AZURE_TENANT_ID to a principal of that server, and"
            " REQUESTS_CA_BUNDLE to its CA file. By default the server in"
            " $PORTCALL_HOME/ready.json.",
            show_default=False,
            rich_help_panel=SERVER_PANEL,
        ),
    ] = None,
    output: Format = None,
) -> None:
    """Print shell lines that point Microsoft's az at this server.

    The lines contain no secret; the login command reads it from its file. az gets a separate
    configuration folder, so your Azure subscriptions stay unchanged.
    """
    target = target_of(url, os.environ)
    if not check:
        say(lines(target, shell))
        return
    report(examine(target, az, os.environ), output)


def target_of(url: str | None, environ: Mapping[str, str]) -> AzTarget:
    """Return the server and the principal that logs in.

    Raises:
        NotRunningError: `portcall up` does not run here, or not over TLS.
        UsageError: az cannot use this ``--url``, or the principal is missing.
    """
    home = home_folder(environ).resolve()
    if url is None:
        return _of_ready(read_ready(home), home, environ)
    url = url.rstrip("/")
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise UsageError(
            f"--url: az sends its token over https only, and {shown(url)!r} is not an https"
            " address: write it as https://127.0.0.1:8443"
        )
    try:
        ready = read_ready(home)
    except NotRunningError:
        ready = {}
    if ready.get("management_tls_url") == url:
        return _of_ready(ready, home, environ)
    missing = [name for name in _VARIABLES if not environ.get(name)]
    if missing:
        raise UsageError(
            f"--url {shown(url)} needs a principal of that server: set {', '.join(missing)};"
            " create one there with `portcall token create`"
        )
    client_id, secret, tenant = (environ[name] for name in _VARIABLES)
    ca_file = environ.get("REQUESTS_CA_BUNDLE")
    return AzTarget(
        url=url,
        folder=Path.home() / f".azure-portcall-{parts.hostname}-{parts.port or 443}",
        client_id=client_id,
        client_secret=secret,
        tenant=tenant,
        ca_file=Path(ca_file).resolve() if ca_file else None,
        no_proxy=no_proxy_for(url, environ),
    )


def _of_ready(ready: Document, home: Path, environ: Mapping[str, str]) -> AzTarget:
    url = ready.get("management_tls_url")
    if not url:
        raise NotRunningError(
            "this server has no TLS address, and az needs one: start `portcall up` with"
            " PORTCALL_MANAGEMENT_TLS_BIND=127.0.0.1:8443"
        )
    ca_file = ready.get("ca_file")
    try:
        return AzTarget(
            url=str(url),
            folder=home / f"azure-portcall-{urlsplit(str(url)).port}",
            client_id=str(ready["client_id"]),
            client_secret=str(ready["client_secret"]),
            tenant=str(ready["tenant"]),
            ca_file=Path(ca_file) if ca_file else None,
            ready_file=home / "ready.json",
            no_proxy=no_proxy_for(str(url), environ),
        )
    except KeyError as error:
        raise NotRunningError(
            f"{home / 'ready.json'} is damaged ({error} is missing): restart `portcall up`"
        ) from None
