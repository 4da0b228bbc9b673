"""JUnit XML: each threshold and each finding is a test case, so that CI systems show them."""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from portcall.loadtest.measure.sections import Finding
from portcall.loadtest.report.chapters import chapters, planned_line
from portcall.loadtest.report.result import Result


def render(result: Result) -> str:
    """Return the report as XML."""
    found = [
        (section.title, finding) for section in chapters(result) for finding in section.findings
    ]
    numbers = {
        "tests": str(len(found)),
        "failures": str(sum(finding.ok is False for _, finding in found)),
        "skipped": str(sum(finding.ok is None for _, finding in found)),
        "errors": "0",
        "time": f"{result.elapsed_s:.3f}",
    }
    root = Element("testsuites", {"name": "portcall loadtest", **numbers})
    about = {"name": result.about.uri, "timestamp": result.about.began}
    suite = SubElement(root, "testsuite", {**about, **numbers})
    for title, finding in found:
        _case(suite, title, finding)
    SubElement(suite, "system-out").text = f"{planned_line(result)}; {result.words}"
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _case(suite: Element, title: str, finding: Finding) -> None:
    case = SubElement(suite, "testcase", classname=f"portcall.loadtest.{title}", name=finding.name)
    if finding.ok is None:
        SubElement(case, "skipped", message=finding.detail)
    elif not finding.ok:
        SubElement(case, "failure", message=finding.detail).text = finding.detail
