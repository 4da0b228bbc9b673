"""The summary of a load test on the terminal: the verdict first, and again at the end."""

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from portcall.loadtest.measure.endings import Ending
from portcall.loadtest.measure.sections import Finding, Section, numeric_columns
from portcall.loadtest.report.card import Card, card_of, command_for, detail, standing
from portcall.loadtest.report.chapters import chapters, planned_line
from portcall.loadtest.report.result import Result

PLAIN_WIDTH = 120
_MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}
_STYLES = {
    Ending.PASSED: "bold green",
    Ending.FAILED: "bold red",
    Ending.NO_VERDICT: "bold bright_black",
}


def show_result(result: Result, *, aside: bool) -> None:
    """Print the summary.

    Args:
        result: The run.
        aside: To standard error, because a report goes to standard output.
    """
    stream = sys.stderr if aside else sys.stdout
    width = None if stream.isatty() else PLAIN_WIDTH
    console = Console(file=stream, width=width, highlight=False, emoji=False)
    card = card_of(result)
    headline = Text(card.verdict.words, style=_STYLES[card.verdict.ending])
    console.print(headline)
    console.print(planned_line(result))
    _print_card(console, card)
    for section in chapters(result):
        _print(console, section, result)
    console.print()
    # After a long report the first line is out of sight.
    console.print(headline)
    console.print(f"{planned_line(result)}; exit code {card.verdict.code}")


def _print_card(console: Console, card: Card) -> None:
    console.print(Text(card.question, style="dim"))
    for finding in card.findings:
        console.print(_finding(finding))
    if card.more:
        console.print(Text(f"and {card.more} more below", style="dim"))
    for step in card.steps:
        console.print(Text(f"→ {step.words}"))
        _print_command(console, step.command)


def _print_command(console: Console, command: str) -> None:
    """Print a command in one piece, however long, so that it can be pasted."""
    if command:
        console.print(Text(f"  {command}"), soft_wrap=True)


def _print(console: Console, section: Section, result: Result) -> None:
    grade = f"  {section.grade}" if section.grade else ""
    console.print()
    console.print(Text(section.title + grade, style="bold"))
    for words in section.words:
        console.print(Text(words, style="dim"))
    if section.rows:
        console.print(_table(section))
    for finding in section.findings:
        console.print(_finding(finding))
        _print_command(console, command_for(result.about, finding))


def _table(section: Section) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(section.columns))
    for column, numeric in zip(section.columns, numeric_columns(section), strict=True):
        table.add_column(column, justify="right" if numeric else "left", no_wrap=numeric)
    for row in section.rows:
        table.add_row(*map(Text, row))
    return table


def _finding(finding: Finding) -> Text:
    mark, colour = _MARKS[standing(finding)]
    words = detail(finding)
    return Text.assemble((f"{mark} ", colour), finding.name, (f": {words}" if words else "", "dim"))
