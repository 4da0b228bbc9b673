"""Markdown, for a comment on a pull request."""

from portcall.loadtest.measure.sections import Finding, Section, numeric_columns
from portcall.loadtest.report.chapters import chapters, planned_line
from portcall.loadtest.report.result import Result

_RULES = {True: "--:", False: "---"}
_MARKS = {True: "✅", False: "❌", None: "❔"}


def render(result: Result) -> str:
    """Return the report as text."""
    mark = _MARKS[result.exit_code == 0]
    head = [
        f"## {mark} Load test of {_cell(result.about.uri)}",
        "",
        f"**{planned_line(result)}**; {_cell(result.words)}",
    ]
    parts = [head, *(_section(section) for section in chapters(result))]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _section(section: Section) -> list[str]:
    grade = f": {section.grade}" if section.grade else ""
    lines = [f"### {section.title}{grade}"]
    for words in section.words:
        lines += ["", _cell(words)]
    if section.rows:
        lines += [
            "",
            _row(section.columns),
            _row([_RULES[numeric] for numeric in numeric_columns(section)]),
        ]
        lines += [_row(row) for row in section.rows]
    if section.findings:
        lines += ["", "| | | |", "| --- | --- | --- |", *map(_finding, section.findings)]
    return lines


def _finding(finding: Finding) -> str:
    return _row((_MARKS[finding.ok], finding.name, finding.detail))


def _row(cells: "tuple[str, ...] | list[str]") -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    """Return text that cannot end its cell or start markup."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
