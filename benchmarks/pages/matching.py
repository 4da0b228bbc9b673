"""The section about matching: the router's index by the number of webhooks, and patterns."""

from pathlib import Path

from benchmarks.pages import charts
from benchmarks.pages.sections import Report
from benchmarks.pages.tables import table


def matching(report: Report, plots: Path) -> str:
    """The router's index."""
    summary = report["summary"]
    sizes = [str(size) for size in report["parameters"]["sizes"]]
    charts.line(
        plots / "matching.svg",
        "Matching one event with ten matches",
        ("webhooks", "ns an event"),
        {float(size): summary[size]["match_ns"] for size in sizes},
    )
    rows = [
        (
            int(size),
            summary[size]["match_ns"],
            summary[size]["rss_bytes_per_webhook"],
            summary[size]["traced_bytes_per_webhook"],
            summary[size]["loaded_per_s"],
        )
        for size in sizes
    ]
    head = ["webhooks", "ns per event", "RSS B/webhook", "traced B/webhook", "loaded/s"]
    routers = summary["routers"]
    known = routers["change_known_s"]
    return (
        "![Matching](performance/matching.svg)\n\n"
        + table(head, rows)
        + _globs(summary, sizes[-1])
        + f"\nAt {routers['webhooks']:,} webhooks a router process is ready in"
        f" {routers['ready_s']} s and holds {routers['rss_mb']:,} MB ({routers['empty_rss_mb']} MB"
        f" without webhooks: {routers['rss_bytes_per_webhook']:.0f} B each)."
        f" {report['parameters']['routers']} routers know a change"
        f" {known['with_hint']['median'] * 1e3:.0f} ms after its commit (at most"
        f" {known['with_hint']['max'] * 1e3:.0f} ms); if the hint is lost, after at most"
        f" {known['without_hint']['max']:.2f} s.\n"
    )


def _globs(summary: Report, largest: str) -> str:
    """What patterns cost; empty: an older measurement, without them."""
    found = summary.get("globs")
    if found is None:
        return ""
    ratios = found["ratios"]
    pairs = ", ".join(map(str, ratios["pairs"]))
    return (
        f"\nOf {int(largest):,} webhooks, a tenth has patterns (`scopes`), of which every fourth"
        f" begins like the pushed repository: then an event costs {found['match_ns']:,.0f} ns,"
        f" {ratios['median']} times as much as with ACR's scopes alone (rounds in turn: {pairs})."
        f" Each process loads its store anew and matches 5 times 20,000 events, of which the median"
        f" counts; a webhook takes {found['rss_bytes_per_webhook']:.0f} B.\n"
    )
