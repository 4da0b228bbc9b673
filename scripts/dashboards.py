#!/usr/bin/env python3
"""Write deploy/monitoring/dashboards/*.json for Grafana from the panels below; `make docs` does.

A dashboard needs a Prometheus data source, which it asks for when it is imported. Each panel is a
title, a unit of Grafana, and queries with their legends. tests/browser/test_dashboards.py draws
them with recorded values; a new query must be recorded first.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "deploy" / "monitoring" / "dashboards"
HEIGHT, ROW_WIDTH = 8, 24
RATE = "$__rate_interval"
SCHEMA = 39
"""Of Grafana 11."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        title: Above it.
        unit: One of Grafana's units.
        queries: PromQL by legend.
        text: What it shows, for whom it is new.
        exemplars: Whether its metric has exemplars, which lead to traces.
    """

    title: str
    unit: str
    queries: dict[str, str]
    text: str = ""
    exemplars: bool = False


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard: rows of panels by their titles.

    Attributes:
        choices: Labels to choose by, each with the query of its values.
    """

    uid: str
    title: str
    rows: dict[str, tuple[Panel, ...]]
    choices: dict[str, str] = field(default_factory=dict)


def _rate(metric: str, by: str = "") -> str:
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} (rate({metric}[{RATE}]))"


def _short(query: str, label: str) -> str:
    """A query with the label `name`: short, and "wait" for every rung of the ladder."""
    pattern = "portcall[.](?:(wait)[.].*|(.*))"
    return f'label_replace({query}, "name", "$1$2", "{label}", "{pattern}")'


def _role(query: str) -> str:
    """A query with the role of each process, if the jobs are named for roles."""
    return f'label_replace({query}, "role", "$1", "job", "portcall-(.+)")'


def _rabbitmq(metric: str) -> str:
    """By queue, without the streams: they keep a week of messages that were read long ago."""
    queues = 'queue=~"portcall.*",queue!~"portcall[.](log|journal)"'
    return f"sum by (name) ({_short(f'{metric}{{{queues}}}', 'queue')})"


def _quantile(share: float, metric: str) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket[{RATE}])))"


OVERVIEW = Dashboard(
    "portcall-overview",
    "Portcall: overview",
    {
        "Events": (
            Panel(
                "Accepted events",
                "eps",
                {"{{action}}": _rate("portcall_producer_events_total", "action")},
                "Answered with 202, after the broker's confirm.",
            ),
            Panel(
                "Time to the broker's confirm",
                "s",
                {
                    f"p{int(share * 100)}": _quantile(share, "portcall_producer_publish_seconds")
                    for share in (0.5, 0.99)
                },
                "Registries wait that long for their answer.",
                exemplars=True,
            ),
            Panel(
                "Refused and ignored",
                "reqps",
                {
                    "refused: {{registry}} {{code}}": _rate(
                        "portcall_producer_refused_requests_total", "registry, code"
                    ),
                    "ignored: {{registry}} {{reason}}": _rate(
                        "portcall_producer_ignored_total", "registry, reason"
                    ),
                },
                "Blobs, pulls and mounts are ignored, as they should be.",
            ),
        ),
        "Deliveries": (
            Panel(
                "Attempts by outcome",
                "reqps",
                {"{{outcome}}": _rate("portcall_attempts_total", "outcome")},
            ),
            Panel(
                "Failures by class",
                "reqps",
                {"{{failure}}": _rate("portcall_attempt_failures_total", "failure")},
            ),
            Panel(
                "Duration of attempts",
                "s",
                {
                    f"p{int(share * 100)}": _quantile(share, "portcall_attempt_seconds")
                    for share in (0.5, 0.9, 0.99)
                },
                "From the connection to the endpoint's answer.",
                exemplars=True,
            ),
            Panel(
                "Events routed",
                "eps",
                {
                    "matched: {{matched}}": _rate("portcall_events_routed_total", "matched"),
                    "past the router": _rate('portcall_producer_paths_total{path="direct"}'),
                    "held back: {{filter}}": _rate("portcall_deliveries_filtered_total", "filter"),
                },
            ),
            Panel(
                "Paused endpoints",
                "short",
                {
                    "breakers open": "sum(portcall_breakers_open)",
                    "attempts at sick endpoints": "sum(portcall_attempts_in_flight_sick)",
                    "webhooks that disabled themselves": "sum (max by (registry)"
                    " (portcall_webhooks_self_disabled))",
                },
            ),
            Panel(
                "Skipped, put aside, replayed",
                "mps",
                {
                    "skipped: attempted before": _rate("portcall_deliveries_skipped_total"),
                    "put aside by routers": _rate("portcall_deliveries_aside_total"),
                    "replayed": _rate("portcall_deliveries_replayed_total"),
                },
            ),
        ),
        "Accounts": (
            Panel(
                "Deliveries by what became of them",
                "short",
                {
                    "{{state}}": "sum by (state)"
                    " (max by (registry, state) (portcall_audit_deliveries))"
                },
                "Of the events that the store keeps, in all registries.",
            ),
            Panel(
                "Unaccounted",
                "short",
                {
                    "{{doubt}}": "sum by (doubt)"
                    " (max by (registry, doubt) (portcall_audit_unaccounted))"
                },
                "Anything but 0 is a fault; the alert says of which registry.",
            ),
            Panel(
                "Age of the audit",
                "s",
                {"age": "time() - max(portcall_audit_timestamp_seconds > 0)"},
                "Nothing before the first audit.",
            ),
        ),
        "Processes": (
            Panel(
                "CPU by process",
                "percentunit",
                {
                    "{{role}} {{instance}}": _role(
                        f'rate(process_cpu_seconds_total{{job=~"portcall.*"}}[{RATE}])'
                    )
                },
                "A process uses one core at most.",
            ),
            Panel(
                "Memory by process",
                "bytes",
                {
                    "{{role}} {{instance}}": _role(
                        'process_resident_memory_bytes{job=~"portcall.*"}'
                    )
                },
            ),
            Panel(
                "Management requests",
                "reqps",
                {
                    "{{method}} {{status}}": _rate(
                        "portcall_management_requests_total", "method, status"
                    )
                },
            ),
        ),
    },
)
ROUTERS = "portcall_router_revision > 0"
"""Processes of `portcall up` have the metrics of all roles; those of other roles stay at 0."""
BROKER_AND_STORE = Dashboard(
    "portcall-broker-store",
    "Portcall: broker and store",
    {
        "Broker, as the roles see it": (
            Panel(
                "Publishes by result",
                "mps",
                {
                    "{{name}} {{result}}": "sum by (name, result) ("
                    + _short(f"rate(portcall_publishes_total[{RATE}])", "exchange")
                    + ")"
                },
            ),
            Panel(
                "Settled messages",
                "mps",
                {
                    "{{name}} {{how}}": "sum by (name, how) ("
                    + _short(f"rate(portcall_messages_settled_total[{RATE}])", "queue")
                    + ")"
                },
            ),
            Panel(
                "How full queues are",
                "percentunit",
                {"{{name}}": f"max by (name) ({_short('portcall_queue_fullness', 'queue')})"},
                "An estimate of the roles that publish there. At 100% a queue refuses messages;"
                " wait: the fullest of the ladder.",
            ),
        ),
        "Broker, by rabbitmq_prometheus": (
            Panel(
                "Messages waiting",
                "short",
                {"{{name}}": _rabbitmq("rabbitmq_queue_messages_ready")},
                "Needs metrics by queue.",
            ),
            Panel(
                "Messages under way",
                "short",
                {"{{name}}": _rabbitmq("rabbitmq_queue_messages_unacked")},
            ),
            Panel(
                "Memory of nodes",
                "bytes",
                {"{{instance}}": "rabbitmq_process_resident_memory_bytes"},
            ),
            Panel(
                "Free disk of nodes",
                "bytes",
                {"{{instance}}": "rabbitmq_disk_space_available_bytes"},
            ),
        ),
        "Records": (
            Panel(
                "Records stored",
                "recps",
                {
                    "{{what}}": _rate("portcall_recorder_records_total", "what"),
                    "added up": _rate("portcall_recorder_records_added_up_total"),
                    "pruned": _rate("portcall_recorder_records_pruned_total"),
                },
            ),
            Panel(
                "Lag of the recorder",
                "s",
                {"lag": "max(portcall_recorder_lag_seconds)"},
                "How old the last record was when it was stored.",
            ),
            Panel(
                "Records in one transaction",
                "short",
                {
                    f"p{int(share * 100)}": _quantile(share, "portcall_recorder_batch_records")
                    for share in (0.5, 0.99)
                },
            ),
            Panel(
                "Lost, skipped, unusable",
                "mps",
                {
                    "lost frames": _rate("portcall_recorder_frames_lost_total"),
                    "skipped: {{why}}": _rate("portcall_recorder_frames_skipped_total", "why"),
                    "unusable notes": _rate("portcall_recorder_notes_unusable_total"),
                },
            ),
            Panel(
                "Webhooks in routers",
                "short",
                {"{{instance}}": f"portcall_router_webhooks and {ROUTERS}"},
            ),
            Panel(
                "Changes that routers do not know",
                "short",
                {"{{instance}}": f"scalar(max({ROUTERS})) - ({ROUTERS})"},
                "Of webhooks, that another router knows. Back at 0 within a second.",
            ),
        ),
    },
)
CHOSEN = 'registry="$registry",webhook=~"$webhook"'
WEBHOOK = Dashboard(
    "portcall-webhook",
    "Portcall: webhooks",
    {
        "Attempts": (
            Panel(
                "Attempts by outcome",
                "reqps",
                {
                    "{{webhook}} {{outcome}}": "sum by (webhook, outcome) (rate("
                    f"portcall_webhook_attempts_total{{{CHOSEN}}}[{RATE}]))"
                },
            ),
            Panel(
                "Share of attempts that succeeded",
                "percentunit",
                {
                    "{{webhook}}": "sum by (webhook) (rate(portcall_webhook_attempts_total"
                    f'{{{CHOSEN},outcome="succeeded"}}[{RATE}])) / sum by (webhook) (rate('
                    f'portcall_webhook_attempts_total{{{CHOSEN},outcome!="refused"}}[{RATE}]))'
                },
                "Of those that the receiver did not refuse for good.",
            ),
            Panel(
                "Time to the answer",
                "s",
                {
                    f"{{{{webhook}}}} p{int(share * 100)}": f"histogram_quantile({share}, "
                    "sum by (webhook, le) (rate(portcall_webhook_answer_seconds_bucket"
                    f"{{{CHOSEN}}}[{RATE}])))"
                    for share in (0.5, 0.99)
                },
            ),
            Panel(
                "Since the last attempt",
                "s",
                {
                    "{{webhook}}": "time() - max by (webhook) ("
                    f"portcall_webhook_last_attempt_timestamp_seconds{{{CHOSEN}}})"
                },
            ),
        ),
        "State": (
            Panel(
                "Deliveries that ended without success",
                "short",
                {
                    "{{webhook}} {{how}}": "sum by (webhook, how) (increase("
                    f"portcall_webhook_undelivered_total{{{CHOSEN}}}[1h]))"
                },
                "In an hour. Each that was given up is a dead letter.",
            ),
            Panel(
                "Enabled",
                "short",
                {"{{webhook}}": f"min by (webhook) (portcall_webhook_enabled{{{CHOSEN}}})"},
                "0: it gets no POSTs.",
            ),
        ),
    },
    {
        "registry": "label_values(portcall_webhook_enabled, registry)",
        "webhook": 'label_values(portcall_webhook_enabled{registry="$registry"}, webhook)',
    },
)
DASHBOARDS = (OVERVIEW, BROKER_AND_STORE, WEBHOOK)


def model(dashboard: Dashboard) -> dict[str, Any]:
    """A dashboard as Grafana imports it."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["portcall"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "label": "Data source",
                    "type": "datasource",
                    "query": "prometheus",
                },
                *(_choice(label, query) for label, query in dashboard.choices.items()),
            ]
        },
        "panels": list(_placed(dashboard)),
    }


def _choice(label: str, query: str) -> dict[str, Any]:
    """A variable; the queries take several webhooks."""
    return {
        "name": label,
        "label": label.capitalize(),
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "query": {"query": query, "refId": label},
        "refresh": 2,
        "sort": 1,
        "multi": label == "webhook",
    }


def _placed(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    number, below = 0, 0
    for title, panels in dashboard.rows.items():
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": below, "w": ROW_WIDTH, "h": 1},
        }
        below += 1
        columns = 2 if len(panels) % 3 else 3
        width = ROW_WIDTH // columns
        for place, panel in enumerate(panels):
            number += 1
            line, column = divmod(place, columns)
            position = {"x": column * width, "y": below + line * HEIGHT, "w": width, "h": HEIGHT}
            yield _panel(number, panel, position)
        below += -(-len(panels) // columns) * HEIGHT


def _panel(number: int, panel: Panel, position: dict[str, int]) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${datasource}"}
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.text,
        "datasource": source,
        "gridPos": position,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": source,
                "expr": query,
                "legendFormat": name,
                **({"exemplar": True} if panel.exemplars else {}),
            }
            for place, (name, query) in enumerate(panel.queries.items())
        ],
    }


def texts() -> dict[str, str]:
    """The files by their names."""
    return {f"{each.uid}.json": json.dumps(model(each), indent=2) + "\n" for each in DASHBOARDS}


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        (FOLDER / name).write_text(text)
