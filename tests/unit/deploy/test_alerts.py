"""The chart ships the alert rules and dashboards of deploy/monitoring."""

import json
import runpy

import yaml

from tests.unit.deploy.chart import CHART, ROOT, of_kind, render
from tests.unit.deploy.table import TABLE

MONITORING = ROOT / "deploy/monitoring"
SCRIPT = runpy.run_path(str(ROOT / "scripts/plain_manifests.py"))


def test_its_files_are_those_of_the_folder() -> None:
    copies = SCRIPT["copies"]()
    there = {path for path in (CHART / "files").rglob("*") if path.is_file()}
    assert there == set(copies)
    for path, text in copies.items():
        assert path.read_text() == text, "make docs copies it anew"


def test_it_has_every_rule_and_links_to_the_runbooks() -> None:
    (found,) = of_kind(render(TABLE["monitoring"]), "PrometheusRule")
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    for group in groups:
        for rule in group["rules"]:
            page = rule["annotations"]["runbook_url"].rpartition("/")[2]
            rule["annotations"]["runbook_url"] = f"https://runbooks.example.com/{page}"
    assert found["spec"]["groups"] == groups


def test_without_an_address_the_runbooks_are_those_of_the_repository() -> None:
    values = {"monitoring": {"prometheusRule": {"enabled": True}}}
    (found,) = of_kind(render(values), "PrometheusRule")
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    assert found["spec"]["groups"] == groups


def test_it_has_every_dashboard_for_grafanas_sidecar() -> None:
    maps = [
        each
        for each in of_kind(render(TABLE["monitoring"]), "ConfigMap")
        if "grafana_dashboard" in each["metadata"]["labels"]
    ]
    found = {name: json.loads(text) for each in maps for name, text in each["data"].items()}
    paths = (MONITORING / "dashboards").glob("*.json")
    assert found == {path.name: json.loads(path.read_text()) for path in paths}


def test_the_job_has_the_name_that_rules_and_dashboards_expect() -> None:
    (monitor,) = of_kind(render(TABLE["monitoring"]), "ServiceMonitor")
    (endpoint,) = monitor["spec"]["endpoints"]
    assert {"targetLabel": "job", "replacement": "portcall"} in endpoint["relabelings"]
