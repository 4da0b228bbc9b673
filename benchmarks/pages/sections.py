"""The sections of the page: each takes the report of one measurement and gives Markdown."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.pages import charts
from benchmarks.pages.tables import Cell, table

Report = Mapping[str, Any]
Rows = list[tuple[Cell, ...]]
OURS = "portcall"
BARE = "bare-aiohttp"
ROLES = ("producer", "router", "deliverer", "recorder", "management", "rabbitmq", "sink", "load")


def delivery(report: Report, plots: Path) -> str:
    """Portcall beside its peers."""
    medians = report["summary"]["medians"]
    titles = _titles(report)
    names = sorted(medians, key=lambda name: -medians[name]["per_s"])
    colors = {OURS: charts.OURS, BARE: charts.CEILING}
    spans = {name: [run["per_s"] for run in _runs(report, "contender", name)] for name in names}
    charts.bars(
        plots / "delivery.svg",
        "Two worker processes: medians, and the slowest and the fastest run",
        "deliveries/s",
        [
            charts.Bar(
                titles.get(name, name),
                medians[name]["per_s"],
                min(spans[name]),
                max(spans[name]),
                colors.get(name, charts.OTHERS),
            )
            for name in names
        ],
    )
    charts.stacked(
        plots / "delivery-cpu.svg",
        "CPU for one delivery by role",
        "microseconds of CPU a delivery",
        {titles.get(name, name): medians[name]["cpu_us"] for name in names},
        ("worker", "broker", "sink"),
    )
    ratios = report["summary"]["ratios"]
    rows = [
        (
            titles.get(name, name),
            report["parameters"]["peers"].get(name, {}).get("queue_type", "quorum, stream")
            if name != BARE
            else "none",
            medians[name]["per_s"],
            medians[name]["cpu_us"]["worker"],
            medians[name]["cpu_us"]["broker"],
            medians[name]["cpu_us"]["sink"],
            len(spans[name]),
            _ratio(ratios.get(name)),
        )
        for name in names
    ]
    head = [
        "system", "queue", "deliveries/s", "worker us", "broker us", "sink us", "runs",
        "Portcall is faster by (pairs)",
    ]  # fmt: skip
    return (
        "One delivery: consume a durable message, POST 600 bytes, publish a persistent result with"
        " confirm, ack. Two worker processes; the queues are filled first, and warm workers start"
        " at the same time. Portcall consumes frames, and its results are the complete records of"
        " its event log. [benchmarks/peers](../benchmarks/peers/README.md) says how each peer is"
        " written and tuned. Portcall and the peer run in turn; ratios are taken per pair.\n\n"
        "![Deliveries a second](performance/delivery.svg)\n\n"
        "![CPU for one delivery](performance/delivery-cpu.svg)\n\n" + table(head, rows)
    )


def pipeline(report: Report, plots: Path) -> str:
    """Everything at once."""
    medians = report["summary"]["medians"]
    ours = {name: found for name, found in medians.items() if name != "go"}
    charts.stacked(
        plots / "pipeline-cpu.svg",
        "CPU for one delivery through the whole pipeline by role",
        "microseconds of CPU a delivery",
        {name: found["cpu_us"] for name, found in ours.items()},
        ROLES,
    )
    rows = [
        (name, found["per_s"], *(found["cpu_us"].get(role) for role in ROLES))
        for name, found in ours.items()
    ]
    go = medians.get("go")
    ratio = report["summary"]["ratio_to_go"]
    beside = (
        f"The Go worker's delivery step alone, run in turn: {go['per_s']:,.0f}/s; the pipeline"
        f" at fan-out 10 reaches {ratio['median']:.2f} times that ({_ratio(ratio)}).\n\n"
        if go and ratio
        else ""
    )
    return (
        f"From HTTP ingest, {report['parameters']['batch']} events per request, to the record that"
        " list-events shows. Producer, router, two deliverers, recorder, management, broker, sink"
        " and load client share the machine.\n\n"
        f"{beside}![CPU by role](performance/pipeline-cpu.svg)\n\n"
        + table(["CPU us per delivery", "deliveries/s", *ROLES], rows)
    )


def latency(report: Report, plots: Path) -> str:
    """An idle pipeline."""
    runs = report["runs"]
    charts.distribution(
        plots / "latency.svg",
        "From the producer's 202 to the POST's arrival, idle",
        "milliseconds",
        {
            "Portcall: 202 to arrival": [
                max(0.1, run["accepted_to_arrival"] * 1e3) for run in runs
            ],
            "bare sum: a publish, a consume, a POST": [run["bare_sum"] * 1e3 for run in runs],
        },
    )
    names = {
        "request_to_202": "request to 202",
        "accepted_to_arrival": "202 to the POST's arrival",
        "request_to_arrival": "request to the POST's arrival",
        "accepted_to_arrival_loaded": "202 to arrival under load",
        "publish": "bare: a confirmed publish",
        "consume": "bare: from the confirm to the consumer",
        "post": "bare: a POST until it arrives",
        "bare_sum": "bare: the three together",
    }
    rows: Rows = [
        (words, *(float(report["summary"][name][at]) for at in ("p50", "p90", "p99", "max")))
        for name, words in names.items()
    ]
    return (
        f"{report['parameters']['events']:,} events one at a time, in turn with the bare parts on"
        " the same broker and sink; then the same number during a load of"
        f" {report['parameters']['load_per_s']} deliveries per second.\n\n"
        "![Latency](performance/latency.svg)\n\n" + table(["ms", "p50", "p90", "p99", "max"], rows)
    )


def scaling(report: Report, plots: Path) -> str:
    """Cost by work."""
    busy = report["summary"]["busy_cpu_us"]
    charts.stacked(
        plots / "scaling.svg",
        "CPU for one delivery beyond what idleness costs",
        "microseconds of CPU a delivery",
        busy,
        ROLES[:6],
    )
    idle = report["summary"]["idle_cpu_ms_per_s"]
    rows: Rows = [
        (case, *(float(found[role]) for role in ROLES[:6])) for case, found in busy.items()
    ]
    shown = ", ".join(f"{role} {idle[role]:g}" for role in ROLES[:6])
    return (
        "The whole pipeline at a fixed rate. At a few deliveries per second each message carries"
        " one event and each frame a few deliveries, so each costs its own publish, confirm and"
        " ack. At higher rates frames fill, and the cost falls to that of the whole pipeline"
        " above. Fan-out is 10, and 1 in the two cases of webhooks. With 10,000 webhooks in turn,"
        " each delivery is the first to its webhook, and the deliverer must look it up. The"
        " deliverer reads 16 kB of a response of 100 kB and closes the connection, so each POST"
        f" needs a new one. CPU ms per second when idle: {shown}.\n\n"
        "![Cost by work](performance/scaling.svg)\n\n"
        + table(["CPU us per delivery", *ROLES[:6]], rows)
    )


def backlog(report: Report, _: Path) -> str:
    """Memory."""
    summary = report["summary"]
    cases = {
        "idle": summary["idle_mb"],
        "deliveries waiting": summary["deliveries_waiting"]["rss_mb"],
        "events waiting as well": summary["events_waiting"]["rss_mb"],
    }
    rows: Rows = [
        (case, *(float(found[role]) for role in ROLES[:6])) for case, found in cases.items()
    ]
    return (
        f"{report['parameters']['deliveries']:,} deliveries are put into the queues while the"
        " whole pipeline works on them; the peak memory of one process per role, in MB.\n\n"
        + table(["MB", *ROLES[:6]], rows)
    )


def listing(report: Report, _: Path) -> str:
    """list-events."""
    rows: Rows = [
        (
            f"{run['store']}, {run['records']:,} records",
            *(float(run["page_ms"][at]) for at in ("p50", "p99")),
            *(float(run["http_page_ms"][at]) for at in ("p50", "p99")),
        )
        for run in report["runs"]
    ]
    head = ["store", "page p50, ms", "p99", "by HTTP p50, ms", "p99"]
    return (
        f"The first page, {report['parameters']['page']} records of one of"
        f" {report['parameters']['webhooks']} webhooks, read from logs of each size in turn.\n\n"
        + table(head, rows)
    )


def recording(report: Report, _: Path) -> str:
    """The recorder alone."""
    rows = [
        (store, found["per_s"], *(found["cpu_us"].get(role) for role in ("recorder", store)))
        for store, found in sorted(report["summary"].items())
    ]
    return (
        "The recorder alone, reading a full stream, with the store's usual durability.\n\n"
        + table(["store", "records/s", "recorder us", "store's server us"], rows)
    )


def _titles(report: Report) -> dict[str, str]:
    peers = {name: peer["title"] for name, peer in report["parameters"]["peers"].items()}
    return {**peers, OURS: "Portcall", BARE: "bare aiohttp, no queue"}


def _runs(report: Report, key: str, value: str) -> Sequence[Mapping[str, Any]]:
    return [run for run in report["runs"] if run[key] == value]


def _ratio(found: Mapping[str, Any] | None) -> str:
    if not found:
        return ""
    pairs = len(found["pairs"])
    if pairs == 1:
        return f"{found['median']:.2f} (1)"
    return f"{found['median']:.2f} ({pairs}: {found['min']:.2f} to {found['max']:.2f})"


def intake(report: Report, _plots: Path) -> str:
    """The producer's CPU for an event of each kind of source."""
    parameters, summary = report["parameters"], report["summary"]
    rows: Rows = [
        (kind, found["proof"], found["body_bytes"], float(found["cpu_us"]), _ratio(found["ratio"]))
        for kind, found in summary.items()
    ]
    return (
        f"{parameters['rate']:,} events/s, one in a request, with a valid proof: the CPU that the"
        " producer uses for an event of each kind of source, from the request to the answer after"
        " the broker's confirm. Each kind is measured in turn with docker distribution's"
        f" notifications, {parameters['seconds']} s each, {parameters['rounds']} times. The digest"
        " is always the same, so distribution pays nothing for keeping it. The requests are those"
        " of `portcall demo --sources`.\n\n"
        + table(["kind", "proof", "body, B", "producer us", "ratio to distribution (pairs)"], rows)
    )
