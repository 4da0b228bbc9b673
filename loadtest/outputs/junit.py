"""JUnit XML: each threshold and each finding is a test case, so that CI systems show them.

Only what decided about the run is a failure, or an error if the run leaves the question open: so
there is one if, and only if, the exit code is not 0. What is only reported is skipped.
"""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from portcall.loadtest.measure.endings import Ending
from portcall.loadtest.measure.sections import Finding
from portcall.loadtest.report.card import command_for
from portcall.loadtest.report.chapters import planned_line
from portcall.loadtest.report.result import Result

NOT_DECIDING = "not part of the verdict"


def render(result: Result) -> str:
    """Return the report as XML."""
    verdict = result.verdict
    decided = [verdict.decides(each.finding) for each in result.findings]
    left = [each for each, does in zip(result.findings, decided, strict=True) if not does]
    failed = verdict.ending is Ending.FAILED
    numbers = {
        "tests": str(len(decided)),
        "failures": str(sum(decided) if failed else 0),
        "skipped": str(sum(each.finding.ok is not True for each in left)),
        "errors": str(0 if failed else sum(decided)),
        "time": f"{result.elapsed_s:.3f}",
    }
    root = Element("testsuites", {"name": "portcall loadtest", **numbers})
    about = {"name": result.about.uri, "timestamp": result.about.began}
    suite = SubElement(root, "testsuite", {**about, **numbers})
    for each, decides in zip(result.findings, decided, strict=True):
        _case(suite, each.title, each.finding, result, decides=decides)
    SubElement(suite, "system-out").text = f"{verdict.words}; {planned_line(result)}"
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _case(suite: Element, title: str, finding: Finding, result: Result, *, decides: bool) -> None:
    case = SubElement(suite, "testcase", classname=f"portcall.loadtest.{title}", name=finding.name)
    if decides:
        kind = "failure" if result.verdict.ending is Ending.FAILED else "error"
        command = command_for(result.about, finding)
        lines = [finding.detail, finding.advice, command]
        text = "\n".join(line for line in lines if line)
        SubElement(case, kind, message=finding.detail).text = text
    elif finding.ok is None:
        SubElement(case, "skipped", message=finding.noted or finding.detail)
    elif not finding.ok:
        why = f" ({finding.noted})" if finding.noted else ""
        SubElement(case, "skipped", message=f"{NOT_DECIDING}{why}: {finding.detail}")
