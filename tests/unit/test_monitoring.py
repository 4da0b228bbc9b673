"""Alert rules, their runbooks and tests, and dashboards: they name what there is."""

import json
import re
import runpy
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from portcall.cli.main import command
from tests.browser.grafana.recording import RECORD, load

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
ALERTS = yaml.safe_load((MONITORING / "alerts.yaml").read_text())
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
NAMES = [rule["alert"] for rule in RULES]
RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
DASHBOARDS = sorted((MONITORING / "dashboards").glob("*.json"))
REFERENCE = runpy.run_path(str(ROOT / "scripts/cli_reference.py"))
SCRIPT = runpy.run_path(str(ROOT / "scripts/dashboards.py"))
METRIC = re.compile(r"\b(?:portcall|rabbitmq|process)_[a-z_]+[a-z]\b")
_DEFINED = re.compile(r'(Counter|Gauge|Histogram)(?:MetricFamily)?\(\s*"(portcall_[a-z_]+)"')
_COMMAND = re.compile(r"`(portcall [^`]*)`")
ROLES = ("producer", "router", "deliverer", "recorder", "management", "runtime", "store")
OF_OTHERS = {
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "rabbitmq_queue_messages",
    "rabbitmq_queue_messages_ready",
    "rabbitmq_queue_messages_unacked",
    "rabbitmq_process_resident_memory_bytes",
    "rabbitmq_disk_space_available_bytes",
}
"""Seen with prometheus_client 0.26.0 and with rabbitmq_prometheus of RabbitMQ 3.10.8."""
promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="Debian's package prometheus is not installed"
)


def metrics() -> set[str]:
    """The names under which Prometheus knows our metrics."""
    found = set(OF_OTHERS)
    for role in ROLES:
        for path in (ROOT / role).rglob("*.py"):
            for kind, name in _DEFINED.findall(path.read_text()):
                found |= _series(kind, name)
    return found


def _series(kind: str, name: str) -> set[str]:
    if kind == "Counter":
        return {f"{name}_total"}
    if kind == "Histogram":
        return {f"{name}_bucket", f"{name}_count", f"{name}_sum"}
    return {name}


def queries(path: Path) -> Iterator[str]:
    """The queries of a dashboard, as Prometheus gets them."""
    for panel in json.loads(path.read_text())["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"].replace("$__rate_interval", "1m")


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_alert_says_what_how_bad_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    notes = rule["annotations"]
    assert not notes["summary"].endswith(".")
    assert notes["description"].endswith((".", ")."))
    assert notes["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"
    assert set(METRIC.findall(rule["expr"])) - metrics() == set()


def test_each_alert_has_one_runbook_and_each_runbook_an_alert() -> None:
    assert sorted(NAMES) == [path.stem for path in RUNBOOKS]


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_says_what_it_means_where_to_look_and_how_to_mend_it(path: Path) -> None:
    text = path.read_text()
    assert text.startswith(f"# {path.stem}\n")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == ["What it means", "Where to look", "How to mend it"]
    assert set(METRIC.findall(text)) - metrics() == set()


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_names_commands_that_exist_with_what_they_need(path: Path) -> None:
    known = dict(REFERENCE["leaves"](command()))
    for text in _COMMAND.findall(path.read_text()):
        name = max(
            (each for each in known if f"{text} ".startswith(f"{each} ")), key=len, default=""
        )
        assert name, f"there is no command {text}"
        words = shlex.split(text)[len(name.split()) :]
        given = {word for word in words if re.fullmatch("--?[a-z-]+", word)}
        parameters = known[name].params
        assert given <= {option for each in parameters for option in each.opts}, text
        needed = [each for each in parameters if each.required]
        options = [set(each.opts) for each in needed if each.param_type_name == "option"]
        assert all(each & given for each in options), text
        arguments = sum(each.param_type_name == "argument" for each in needed)
        assert sum(word.isupper() for word in words) >= arguments, text


def test_dashboards_are_as_the_script_writes_them() -> None:
    texts = SCRIPT["texts"]()
    assert {path.name for path in DASHBOARDS} == set(texts)
    for path in DASHBOARDS:
        assert path.read_text() == texts[path.name], "run `make docs`"


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_asks_for_metrics_that_there_are(path: Path) -> None:
    asked = list(queries(path))
    assert asked
    for query in asked:
        assert METRIC.findall(query)
        assert set(METRIC.findall(query)) - metrics() == set()


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_of_a_dashboard_lie_beside_each_other(path: Path) -> None:
    panels = json.loads(path.read_text())["panels"]
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert all(0 <= x < 24 for x, _ in cells)
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_the_answer_to_each_query_of_dashboards_is_recorded() -> None:
    asked = {
        target["expr"]
        for path in DASHBOARDS
        for panel in json.loads(path.read_text())["panels"]
        for target in panel.get("targets", [])
    }
    assert asked == set(load().answers), f"the recording is not of these queries: run `{RECORD}`"


@promtool
def test_prometheus_reads_the_rules() -> None:
    _promtool("check", "rules", str(MONITORING / "alerts.yaml"))


@promtool
def test_each_alert_fires_when_it_should_and_only_then() -> None:
    _promtool("test", "rules", str(MONITORING / "alerts.test.yaml"))


def test_each_alert_is_tested_with_values_that_fire_it_and_values_that_do_not() -> None:
    tests = yaml.safe_load((MONITORING / "alerts.test.yaml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    fired = {case["alertname"] for case in cases if case.get("exp_alerts")}
    silent = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    assert fired == silent == set(NAMES)


@promtool
def test_prometheus_reads_the_queries_of_dashboards(tmp_path: Path) -> None:
    asked = [query for path in DASHBOARDS for query in queries(path)]
    rules = [{"record": f"q{number}", "expr": query} for number, query in enumerate(asked)]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    _promtool("check", "rules", str(file))


def _promtool(*arguments: str) -> None:
    ended = subprocess.run(  # noqa: S603 (no shell, and no text of others)
        [shutil.which("promtool") or "promtool", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
