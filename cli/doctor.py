"""`portcall doctor`: look at everything once, and say what is wrong and what to do about it."""

import os
import sys
from collections.abc import Iterator
from dataclasses import asdict

import typer

from cli import checks, findings
from cli.checks import Site, site_of
from cli.examples import examples
from cli.findings import Finding, Verdict
from cli.options import Format
from cli.output import Output, chosen, paint, pretty, say
from cli.tables import clean

_COLOURS = {Verdict.OK: "green", Verdict.WRONG: "red", Verdict.UNKNOWN: "yellow"}

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(epilog=examples("portcall doctor", "portcall doctor -o json"))
def doctor(*, output: Format = None) -> None:
    """Say what is wrong here, and what to do about it."""
    as_json = chosen(output) is Output.JSON
    found = []
    for finding in examine(site_of(os.environ)):
        found.append(finding)
        if not as_json:
            say(told(finding))
    well = all(finding.verdict is not Verdict.WRONG for finding in found)
    if as_json:
        say(pretty({"ok": well, "checks": [asdict(finding) for finding in found]}))
    if not well:
        raise typer.Exit(1)


def examine(site: Site) -> Iterator[Finding]:
    """Every check, in an order in which the first thing wrong is the first to mend."""
    yield findings.python(sys.version_info[:3])
    yield checks.home(site)
    yield from checks.running(site)
    yield from checks.broker(site)
    yield checks.database(site)
    server_s = None
    for finding, date_s in checks.roles(site):
        yield finding
        server_s = server_s or date_s
    yield checks.clock(server_s)
    yield checks.disk(site)


def told(finding: Finding) -> str:
    """A finding in one line, or two when there is something to do."""
    verdict = paint(f"{finding.verdict:<7}", _COLOURS[finding.verdict], sys.stdout)
    line = f"{verdict}  {finding.check:<17}  {clean(finding.found)}"
    if not finding.advice:
        return line
    return f"{line}\n{'':28}{paint('do:', 'yellow', sys.stdout)} {clean(finding.advice)}"
