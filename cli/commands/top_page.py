"""The page of `portcall top`: an overview of the API in a readable form."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from portcall.cli.client import Document
from portcall.cli.tables import Row, clean, seconds, value

BARS = " ▁▂▃▄▅▆▇█"
MOST_BARS = 40
GOOD, POOR = 0.99, 0.9
"""A success rate of at least GOOD is green, and one below POOR is red."""


def rows_of(overview: Document) -> list[Row]:
    """Return the table for pipes: the webhooks of a registry, or one line for all."""
    webhooks = overview.get("webhooks")
    return (
        [webhook_row(each) for each in worst_first(webhooks)] if webhooks else [now_row(overview)]
    )


def now_row(overview: Document) -> Row:
    """Return the current state in one line."""
    now = overview.get("now") or {}
    rates, queues = now.get("rates") or {}, now.get("queues") or {}
    return {
        "EVENTS/S": _number(rates.get("eventsPerSecond")),
        "ATTEMPTS/S": _number(rates.get("attemptsPerSecond")),
        "SUCCESS": _percent(rates.get("successRate")),
        "P50": _ms(rates.get("p50Ms")),
        "P95": _ms(rates.get("p95Ms")),
        "P99": _ms(rates.get("p99Ms")),
        "QUEUED": str(sum(queues.get(each, 0) for each in ("eventsIn", "deliver", "retry"))),
        "WAITING": str(sum(each.get("frames", 0) for each in now.get("rungs") or ())),
        "SICK": str(len(now.get("sick") or ())),
        "DEAD": str(queues.get("dead", 0)),
        "LAG": _lag(now.get("lag") or {}),
    }


def webhook_row(webhook: Document) -> Row:
    """Return a webhook and its traffic."""
    total, last = webhook.get("total") or {}, webhook.get("last") or {}
    return {
        "WEBHOOK": clean(value(webhook, "name")),
        "STATUS": value(webhook, "status"),
        "SCOPE": clean(_scope(webhook)) or "(all)",
        "ATTEMPTS": str(total.get("attempts", 0)),
        "SUCCESS": _percent(total.get("successRate")),
        "REFUSED": str(total.get("refused", 0)),
        "P50": _ms(total.get("p50Ms")),
        "P95": _ms(total.get("p95Ms")),
        "LAST": f"{seconds(value(last, 'startedAt'))} {_answer(last)}".strip(),
    }


def _scope(webhook: Document) -> str:
    """Return its scope, and the patterns that narrow it."""
    return " ".join([value(webhook, "scope"), *(webhook.get("scopes") or ())]).strip()


def worst_first(webhooks: Sequence[Document]) -> list[Document]:
    """Sort webhooks by failed attempts, then by attempts."""

    def order(webhook: Document) -> tuple[int, int]:
        total = webhook.get("total") or {}
        return -total.get("failed", 0), -total.get("attempts", 0)

    return sorted(webhooks, key=order)


def page(overview: Document, span: str) -> RenderableType:
    """Return the whole page.

    Args:
        overview: The API's answer.
        span: The time span, as given.
    """
    now = overview.get("now") or {}
    whose = clean(value(overview, "registry"))
    head = Text.assemble(
        ("portcall top", "bold"), f"  {whose}  {seconds(value(overview, 'time'))}  Ctrl-C ends it"
    )
    parts: list[RenderableType] = [head]
    if problem := clean(value(now, "problem")):
        parts.append(Text(f"The broker does not answer: {problem}", "red"))
    parts += [
        "",
        _table([now_row(overview)]),
        "",
        _rungs(now),
        *_sick(now),
        "",
        _lately(overview, span),
    ]
    if webhooks := overview.get("webhooks"):
        parts += ["", _webhooks(webhooks)]
    return Group(*parts)


def spark(counts: Sequence[int]) -> str:
    """Draw counts as bars, the highest at full height; a step without a count is blank."""
    shown = counts[-MOST_BARS:]
    highest = max(shown, default=0)
    if not highest:
        return ""
    return "".join(BARS[-(-count * (len(BARS) - 1) // highest)] for count in shown)


def _table(rows: Sequence[Row]) -> Table:
    made = Table(box=None, pad_edge=False, header_style="dim")
    for header in rows[0]:
        made.add_column(header, no_wrap=True)
    for row in rows:
        made.add_row(*(_coloured(*cell) for cell in row.items()))
    return made


def _coloured(header: str, text: str) -> Text:
    if header == "SUCCESS" and text.endswith("%"):
        rate = float(text[:-1]) / 100
        return Text(text, "green" if rate >= GOOD else "yellow" if rate >= POOR else "red")
    if header in ("SICK", "DEAD") and text != "0":
        return Text(text, "red")
    return Text(text, "dim" if text == "disabled" else "")


def _rungs(now: Document) -> RenderableType:
    rungs = now.get("rungs") or ()
    if not rungs:
        return ""
    return _table(
        [{"WAITING": "frames", **{value(each, "delay"): str(each["frames"]) for each in rungs}}]
    )


def _sick(now: Document) -> list[RenderableType]:
    return [
        Text(
            f"{clean(value(each, 'registry'))}/{clean(value(each, 'name'))}: breaker open"
            f" until {seconds(value(each, 'until'))}",
            "red",
        )
        for each in now.get("sick") or ()
    ]


def _lately(overview: Document, span: str) -> Text:
    traffic = overview.get("traffic") or {}
    total = traffic.get("total") or {}
    bars = spark([each.get("attempts", 0) for each in traffic.get("buckets") or ()])
    return Text(
        f"Last {span}: {total.get('events', 0)} events, {total.get('attempts', 0)} attempts,"
        f" {_percent(total.get('successRate'))} successful, {total.get('givenUp', 0)} given up,"
        f" {total.get('refused', 0)} refused "
        f" {bars}"
    )


def _webhooks(webhooks: Sequence[Document]) -> Table:
    rows = [
        {**webhook_row(each), "TREND": spark(each.get("attempts") or ())}
        for each in worst_first(webhooks)
    ]
    return _table(rows)


def _answer(last: Document) -> str:
    """Return the result of the last attempt."""
    if not last:
        return "never"
    return str(last.get("status") or last.get("outcome") or "")


def _number(amount: float | None) -> str:
    return f"{amount or 0:.1f}"


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{rate * 100:.1f}%"


def _ms(amount: float | None) -> str:
    return "-" if amount is None else f"{amount:.0f} ms"


def _lag(lag: Document) -> str:
    frames = lag.get("frames")
    if frames is None:
        return "?"
    return f"{frames} frames, {lag.get('seconds', 0):.0f} s" if frames else "0"
