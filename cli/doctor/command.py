"""`portcall doctor`: run every check once; report problems and how to fix them."""

import os
import sys
from collections.abc import Iterator

import typer

from portcall.cli.doctor import checks, findings, leading, safeguards, traffic_checks
from portcall.cli.doctor.checks import CheckedInstallation, site_of
from portcall.cli.doctor.dead_letters import dead_letters
from portcall.cli.doctor.findings import Finding, Verdict
from portcall.cli.doctor.verdicts import report
from portcall.cli.examples import examples
from portcall.cli.options import Format

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(epilog=examples("portcall doctor", "portcall doctor -o json"))
def doctor(*, output: Format = None) -> None:
    """Report what is wrong here, and how to fix it."""
    report(examine(site_of(os.environ)), output)


def examine(site: CheckedInstallation) -> Iterator[Finding]:
    """Run every check, in the order in which problems should be fixed."""
    yield findings.python(sys.version_info[:3])
    yield safeguards.variables(site)
    yield checks.home(site)
    yield from checks.running(site)
    letters = None
    for finding in checks.broker(site):
        letters = finding.facts.get("groups", {}).get("dead", letters)
        yield finding
    yield dead_letters(letters)
    database = checks.database(site)
    yield database
    if database.verdict is Verdict.OK:
        yield checks.webhooks(site)
        yield leading.leading(site)
        yield traffic_checks.failing(site)
        yield traffic_checks.filling(site)
    yield checks.ignored(site)
    yield from safeguards.encryption(site)
    yield from safeguards.tls(site)
    yield from safeguards.tokens(site)
    yield safeguards.binds(site)
    server_s = None
    for finding, date_s in checks.roles(site):
        yield finding
        server_s = server_s or date_s
    yield checks.clock(server_s)
    yield checks.disk(site)
