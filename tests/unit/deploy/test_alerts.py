"""The alert rules: about metrics that there are, with a runbook each, in the chart as in the file."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.deploy.chart import CHART, ROOT, of_kind, render
from tests.unit.deploy.table import TABLE

RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((CHART / "files/alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
RUNBOOKS = ROOT / "docs/runbooks"
ROLES = ("runtime", "producer", "router", "deliverer", "recorder", "management")
each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])


def sources() -> str:
    """The code of all roles."""
    paths = (path for role in ROLES for path in Path(ROOT / role).rglob("*.py"))
    return "\n".join(path.read_text() for path in paths)


@each_rule
def test_a_rule_asks_for_metrics_that_there_are(rule: dict[str, Any]) -> None:
    code = sources()
    for name in re.findall(r"portcall_[a-z_]+", rule["expr"]):
        assert f'"{name.removesuffix("_total")}"' in code, name


@each_rule
def test_labels_in_a_summary_are_labels_of_the_result(rule: dict[str, Any]) -> None:
    kept = set(re.findall(r"[a-z]+", " ".join(re.findall(r"by \(([^)]*)\)", rule["expr"]))))
    named = set(re.findall(r"\$labels\.([a-z]+)", rule["annotations"]["summary"]))
    assert named <= (kept or {"instance", "job"})
    assert rule["labels"]["severity"] in {"warning", "critical"}


@each_rule
def test_a_rule_has_a_runbook(rule: dict[str, Any]) -> None:
    text = (RUNBOOKS / f"{rule['alert']}.md").read_text()
    assert text.startswith(f"# {rule['alert']}\n")
    for heading in ("## What it means", "## What to do"):
        assert heading in text


def test_there_is_no_runbook_without_a_rule() -> None:
    named = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert named == {rule["alert"] for rule in RULES}


def test_the_chart_has_the_rules_of_the_file_with_their_runbooks() -> None:
    (found,) = of_kind(render(TABLE["monitoring"]), "PrometheusRule")
    (group,) = found["spec"]["groups"]
    for wanted, rule in zip(RULES, group["rules"], strict=True):
        url = rule["annotations"].pop("runbook_url")
        assert url == f"https://runbooks.example.com/{wanted['alert']}.md"
        assert rule == wanted
