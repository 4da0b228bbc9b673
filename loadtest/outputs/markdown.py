"""Markdown, for a comment on a pull request."""

from collections.abc import Sequence

from portcall.loadtest.measure.endings import Ending
from portcall.loadtest.measure.sections import Finding, Section, numeric_columns
from portcall.loadtest.report.card import Step, card_of, command_for, detail, standing, told
from portcall.loadtest.report.chapters import chapters, planned_line
from portcall.loadtest.report.result import Result

_RULES = {True: "--:", False: "---"}
_MARKS = {True: "✅", False: "❌", None: "❔"}
_ENDINGS = {Ending.PASSED: "✅", Ending.FAILED: "❌", Ending.NO_VERDICT: "⚪"}


def render(result: Result) -> str:
    """Return the report as text."""
    card = card_of(result)
    head = [
        f"## {_ENDINGS[card.verdict.ending]} {_cell(card.verdict.words)}",
        "",
        f"**{planned_line(result)}**",
        "",
        _cell(card.question),
        "",
        *(_point(finding) for finding in card.findings),
        *([f"- and {card.more} more below"] if card.more else []),
    ]
    parts = [head, *([_steps(card.steps)] if card.steps else [])]
    parts += [_section(section, result) for section in chapters(result)]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _point(finding: Finding) -> str:
    return f"- {_MARKS[standing(finding)]} {_cell(told(finding))}"


def _steps(steps: Sequence[Step]) -> list[str]:
    lines = ["**What to do**", ""]
    for number, step in enumerate(steps, 1):
        lines.append(f"{number}. {_cell(step.words)}")
        if step.command:
            lines += ["", "   ```bash", f"   {_line(step.command)}", "   ```", ""]
    return lines


def _line(text: str) -> str:
    """Return text that cannot end its code block."""
    return " ".join(text.split())


def _section(section: Section, result: Result) -> list[str]:
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
        for finding in section.findings:
            if command := command_for(result.about, finding):
                lines += ["", f"{_cell(finding.name)}, again: `{_line(command)}`"]
    return lines


def _finding(finding: Finding) -> str:
    return _row((_MARKS[standing(finding)], finding.name, detail(finding)))


def _row(cells: "tuple[str, ...] | list[str]") -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    """Return text that cannot end its cell or start markup."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
