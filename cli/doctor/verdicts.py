"""Print findings, and end the command accordingly."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict

import typer

from portcall.cli.doctor.findings import Finding, Verdict
from portcall.cli.output import Output, chosen, paint, pretty, say
from portcall.cli.tables import clean

_COLOURS = {Verdict.OK: "green", Verdict.WRONG: "red", Verdict.UNKNOWN: "yellow"}


def report(findings: Iterable[Finding], output: Output | None) -> None:
    """Print each finding as soon as it is there, or all of them as one JSON object.

    Raises:
        typer.Exit: With exit code 1: something is wrong.
    """
    as_json = chosen(output) is Output.JSON
    found = []
    for finding in findings:
        found.append(finding)
        if not as_json:
            say(told(finding))
    well = all(finding.verdict is not Verdict.WRONG for finding in found)
    if as_json:
        say(pretty({"ok": well, "checks": [asdict(finding) for finding in found]}))
    else:
        say(_summary(found))
    if not well:
        raise typer.Exit(1)


def _summary(found: Sequence[Finding]) -> str:
    """Return the last line: which of the many findings to read."""
    if wrong := _named(found, Verdict.WRONG):
        return f"{paint('Wrong:', 'red', sys.stdout)} {wrong}. The lines `do:` say how to fix it."
    well = paint("Nothing is wrong.", "green", sys.stdout)
    unknown = _named(found, Verdict.UNKNOWN)
    return f"{well} Not checked: {unknown}." if unknown else well


def _named(found: Sequence[Finding], verdict: Verdict) -> str:
    """Return the checks with that verdict, each once."""
    return ", ".join(dict.fromkeys(each.check for each in found if each.verdict is verdict))


def told(finding: Finding) -> str:
    """Return a finding as one line, or two if there is advice."""
    verdict = paint(f"{finding.verdict:<7}", _COLOURS[finding.verdict], sys.stdout)
    line = f"{verdict}  {finding.check:<19}  {clean(finding.found)}"
    if not finding.advice:
        return line
    return f"{line}\n{'':30}{paint('do:', 'yellow', sys.stdout)} {clean(finding.advice)}"
