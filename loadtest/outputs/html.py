"""One self-contained HTML file: it loads nothing, runs no scripts, and is light or dark.

Text from outside (the URI, the consumer's reason phrases) is escaped. A policy in the file forbids
the browser to load or run anything, in case the escaping ever fails.
"""

from collections.abc import Sequence
from html import escape
from importlib.resources import files

from portcall.loadtest.judge.rightness import FAULTS
from portcall.loadtest.measure.endings import Ending
from portcall.loadtest.measure.metrics import SCHEDULED, SERVICE
from portcall.loadtest.measure.sections import NO_SAMPLES, Finding, Section, numeric_columns
from portcall.loadtest.outputs.charts import SERIES_KINDS, charts, plotted
from portcall.loadtest.outputs.columns import Chart
from portcall.loadtest.report.card import card_of, command_for, detail, standing, told
from portcall.loadtest.report.chapters import chapters
from portcall.loadtest.report.result import BOUNDS, About, Result
from portcall.loadtest.report.wording import milliseconds

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_MARKS = {True: ("good", "✓"), False: ("bad", "✗"), None: ("none", "?")}
_KINDS = {Ending.PASSED: "good", Ending.FAILED: "bad", Ending.NO_VERDICT: "grey"}


def render(result: Result) -> str:
    """Return the page."""
    style = files("portcall.loadtest.outputs").joinpath("report.css").read_text(encoding="utf-8")
    title = f"{result.words} - load test of {result.about.uri}"
    sections = chapters(result)
    telling = {each.title for each in result.verdict.reasons} - {FAULTS} | {BOUNDS}
    first = [each for each in sections if each.title in telling or each.plots]
    rest = [each for each in sections if each not in first]
    body = [
        _head(result),
        *(_section(each, result.about) for each in first),
        *map(_chart, charts(result)),
        *(_section(each, result.about) for each in rest),
        _foot(result),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def _head(result: Result) -> str:
    card, about = card_of(result), result.about
    kind = _KINDS[card.verdict.ending]
    words = card.verdict.words.removeprefix(f"{card.verdict.ending}: ")
    headline = "" if words == card.verdict.ending else f" {escape(words)}"
    points = "".join(map(_point, card.findings))
    more = f"<li>and {card.more} more below</li>" if card.more else ""
    steps = "".join(f"<li>{escape(each.words)}{_command(each.command)}</li>" for each in card.steps)
    todo = f"<h2>What to do</h2><ol>{steps}</ol>" if steps else ""
    return (
        f'<section class="card {kind}"><p class="question">{escape(card.question)}</p>'
        f'<h1><span class="badge {kind}">{card.verdict.ending}</span>{headline}</h1>'
        f'<ul class="points">{points}{more}</ul>{todo}'
        f'<p class="about">Load test of {escape(about.uri)}: {escape(about.plan)};'
        f" <time>{escape(about.began)}</time>; exit code {card.verdict.code}</p></section>"
        f"{_tiles(result)}"
    )


def _point(finding: Finding) -> str:
    kind, mark = _MARKS[standing(finding)]
    return f'<li><span class="mark {kind}">{mark}</span> {escape(told(finding))}</li>'


def _command(command: str) -> str:
    if not command:
        return ""
    return f'<pre class="wide" tabindex="0"><code>{escape(command)}</code></pre>'


def _tiles(result: Result) -> str:
    measured = result.measured
    missing = "bad" if measured.not_sent_count else ""
    equation = '<div class="sign">=</div>'.join(
        (
            _figure(f"{measured.planned_count:,}", "planned"),
            _figure(f"{measured.sent_count:,}", "sent")
            + '<div class="sign">+</div>'
            + _figure(f"{measured.not_sent_count:,}", "not sent", missing),
        )
    )
    scheduled, service = result.metrics[SCHEDULED].values, result.metrics[SERVICE].values
    share = result.metrics["http_req_failed"].values["rate"]
    figures = [
        _figure(milliseconds(scheduled["med"]), "median, from the planned time", "planned"),
        _figure(milliseconds(scheduled["p(95)"]), "p95, from the planned time", "planned"),
        _figure(milliseconds(scheduled["p(99)"]), "p99, from the planned time", "planned"),
        _figure(milliseconds(service["p(95)"]), "p95, service time", "service"),
        _figure(milliseconds(service["p(99)"]), "p99, service time", "service"),
        _figure(NO_SAMPLES if share is None else f"{share:.2%}", "failed", "bad" if share else ""),
    ]
    return f'<div class="equation">{equation}</div><div class="figures">{"".join(figures)}</div>'


def _figure(value: str, words: str, kind: str = "") -> str:
    return f'<div class="figure {kind}"><b>{escape(value)}</b><span>{escape(words)}</span></div>'


def _chart(chart: Chart) -> str:
    return (
        f"<section><h2>{escape(chart.title)}</h2><p>{escape(chart.words)}</p>"
        f"{_wide(chart.title, chart.picture)}{_legend(chart.legend)}</section>"
    )


def _legend(legend: tuple[tuple[str, str], ...]) -> str:
    if not legend:
        return ""
    if legend[0][0] == "h1":
        ramp = "".join(f'<i class="{kind}"></i>' for kind, _ in legend)
        return f'<div class="legend ramp"><b>{legend[0][1]}</b>{ramp}<b>{legend[-1][1]}</b></div>'
    items = "".join(f'<span><i class="{kind}"></i>{escape(words)}</span>' for kind, words in legend)
    return f'<div class="legend">{items}</div>'


def _section(section: Section, about: About) -> str:
    grade = f'<span class="grade">{escape(section.grade)}</span>' if section.grade else ""
    parts = [f"<section>{grade}<h2>{escape(section.title)}</h2>"]
    parts += [f"<p>{escape(words)}</p>" for words in section.words]
    if section.rows:
        parts.append(_table(section))
    if section.findings:
        rows = "".join(_finding(each, command_for(about, each)) for each in section.findings)
        parts.append(f'<table class="words"><tbody>{rows}</tbody></table>')
    for plot in section.plots:
        legend = tuple((SERIES_KINDS[name], name) for name, _ in plot.series)
        parts.append(
            f"<h3>{escape(plot.title)}</h3><p>{escape(plot.words)}</p>"
            f"{_wide(plot.title, plotted(plot))}{_legend(legend)}"
        )
    return "".join(parts) + "</section>"


def _table(section: Section) -> str:
    kinds = [' class="number"' if numeric else "" for numeric in numeric_columns(section)]
    head = _cells("th", section.columns, kinds)
    rows = "".join(f"<tr>{_cells('td', row, kinds)}</tr>" for row in section.rows)
    top = f"<thead><tr>{head}</tr></thead>" if any(section.columns) else ""
    return _wide(section.title, f"<table>{top}<tbody>{rows}</tbody></table>")


def _wide(title: str, content: str) -> str:
    """Wrap wide content: on a narrow screen it scrolls in its own box, by keys as well."""
    return (
        f'<div class="wide" role="group" tabindex="0" aria-label="{escape(title)}">{content}</div>'
    )


def _cells(tag: str, cells: Sequence[str], kinds: Sequence[str]) -> str:
    pairs = zip(cells, kinds, strict=True)
    tagged = ((tag if cell else "td", cell, kind) for cell, kind in pairs)  # a heading in words
    return "".join(f"<{name}{kind}>{escape(cell)}</{name}>" for name, cell, kind in tagged)


def _finding(finding: Finding, command: str) -> str:
    kind, mark = _MARKS[standing(finding)]
    again = _command(command)
    if again:
        again = f"<details><summary>Send it again</summary>{again}</details>"
    return (
        f'<tr><td><span class="mark {kind}">{mark}</span> {escape(finding.name)}</td>'
        f"<td>{escape(detail(finding))}{again}</td></tr>"
    )


def _foot(result: Result) -> str:
    about = result.about
    command = f"<p>Made by <code>{escape(about.command)}</code></p>" if about.command else ""
    made = f"Portcall {escape(about.version)}; {escape(about.machine)}; seed {about.seed}"
    return f"<footer>{command}<p>{made}</p></footer>"
