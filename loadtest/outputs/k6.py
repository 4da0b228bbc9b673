"""k6's end-of-test summary with its names: the JSON that ``handleSummary(data)`` gets.

The key ``portcall`` has what k6 does not have. Note that in k6 a rate's ``passes`` counts true
values: those of ``http_req_failed`` are the failed requests.

Source: k6 1.1, its reference of the custom summary.
"""

import hashlib
import sys
from typing import Any

import msgspec

from portcall.loadtest.judge.thresholds import percents_of
from portcall.loadtest.measure.known import TYPES
from portcall.loadtest.measure.metrics import tagged
from portcall.loadtest.measure.sections import Metric, Section
from portcall.loadtest.report.chapters import chapters, planned_line
from portcall.loadtest.report.packed import pack
from portcall.loadtest.report.result import Result

STATISTICS = ["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)", "p(99.9)", "p(99.99)"]
MAX_BUCKETS = 600


def document(result: Result) -> dict[str, Any]:
    """Return the summary as a document."""
    return {
        "root_group": {
            "name": "",
            "path": "",
            "id": _digest(""),
            "groups": [],
            "checks": _checks(result),
        },
        "options": {"summaryTrendStats": STATISTICS, "summaryTimeUnit": "", "noColor": False},
        "state": {
            "isStdOutTTY": sys.stdout.isatty(),
            "isStdErrTTY": sys.stderr.isatty(),
            "testRunDurationMs": result.elapsed_s * 1000,
        },
        "metrics": metrics(result),
        "portcall": _ours(result),
    }


def render(result: Result) -> str:
    """Return the summary as text."""
    return msgspec.json.format(msgspec.json.encode(document(result)), indent=2).decode() + "\n"


def metrics(result: Result) -> dict[str, Any]:
    """Return the metrics, with their thresholds."""
    shown: dict[str, Any] = {
        name: _shown(metric) for name, metric in sorted(result.metrics.items())
    }
    percents = percents_of([verdict.threshold for verdict in result.verdicts])
    for verdict in result.verdicts:
        bound = verdict.threshold
        found = tagged(result.measured, bound.metric, bound.tags, percents) if bound.tags else None
        unmeasured = {"type": TYPES[bound.metric], "contains": "default", "values": {}}
        named = shown.setdefault(bound.selector, _shown(found) if found else unmeasured)
        named.setdefault("thresholds", {})[bound.expression] = {"ok": verdict.ok}
    return shown


def _shown(metric: Metric) -> dict[str, Any]:
    return {"type": metric.type, "contains": metric.contains, "values": dict(metric.values)}


def _checks(result: Result) -> list[dict[str, Any]]:
    name = "the answer is as a correct consumer's"
    failed = result.measured.failed_count
    found = [(name, result.measured.done_count - failed, failed)]
    found += [
        (finding.name, int(finding.ok), int(not finding.ok))
        for section in result.sections
        for finding in section.findings
        if finding.ok is not None
    ]
    return [
        {
            "name": each,
            "path": f"::{each}",
            "id": _digest(f"::{each}"),
            "passes": passes,
            "fails": fails,
        }
        for each, passes, fails in found
    ]


def _ours(result: Result) -> dict[str, Any]:
    measured = result.measured
    return {
        "passed": result.exit_code == 0,
        "exitCode": result.exit_code,
        "verdict": result.words,
        "ending": result.verdict.ending,
        "summary": planned_line(result),
        "planned": measured.planned_count,
        "sent": measured.sent_count,
        "notSent": measured.not_sent_count,
        "about": msgspec.to_builtins(result.about),
        "generator": msgspec.to_builtins(result.health),
        "histograms": {
            "unit": "us",
            "scheduled": measured.scheduled().histogram().encode().decode(),
            "service": measured.service().histogram().encode().decode(),
        },
        "mergeable": pack(result),
        "sections": [_section(section) for section in chapters(result)],
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "grade": section.grade,
        "words": section.words,
        "columns": section.columns,
        "rows": section.rows,
        "findings": [msgspec.to_builtins(finding) for finding in section.findings],
    }


def _digest(path: str) -> str:
    """k6 names groups and checks by the MD5 of their path; this is not for security."""
    return hashlib.md5(path.encode(), usedforsecurity=False).hexdigest()
