"""values.yaml and its schema: what is wrong is refused, and the error names the field."""

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from portcall import __version__
from tests.unit.deploy.chart import CHART, SECRETS, merged, refusal
from tests.unit.deploy.table import TABLE, TRIAL

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())


def test_the_schema_is_one_and_the_defaults_and_the_table_keep_it() -> None:
    Draft7Validator.check_schema(SCHEMA)
    validator = Draft7Validator(SCHEMA)
    for name, values in {"defaults": {}, **TABLE}.items():
        errors = list(validator.iter_errors(merged(VALUES, values)))
        assert not errors, (name, errors)


def _undescribed(schema: dict[str, Any], values: dict[str, Any], path: str = "") -> list[str]:
    """The values that the schema does not know, and properties of the schema without a default."""
    known = schema.get("properties", {})
    found = [f"{path}{name}" for name in set(known) ^ set(values)]
    for name in set(known) & set(values):
        if known[name].get("properties"):
            found += _undescribed(known[name], values[name], f"{path}{name}.")
    return found


def test_every_value_is_in_the_schema_and_has_a_default() -> None:
    optional = {"global"} | {
        f"certificates.{role}.issuerRef.group" for role in ("producer", "management")
    }
    assert set(_undescribed(SCHEMA, VALUES)) == optional


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"router": {"replica": 2}}, "/router"),
        ({"router": {"replicas": "2"}}, "/router/replicas"),
        ({"recorder": {"replicas": 3}}, "/recorder/replicas"),
        ({"settings": {"maxage": "1h"}}, "/settings"),
        ({"settings": {"shards": 65}}, "/settings/shards"),
        ({"settings": {"attemptTimeout": "15"}}, "/settings/attemptTimeout"),
        ({"settings": {"retrySchedule": "10s,soon"}}, "/settings/retrySchedule"),
        ({"settings": {"logLevel": "loud"}}, "/settings/logLevel"),
        ({"broker": {"existingSecret": "No_Name"}}, "/broker/existingSecret"),
        ({"image": {"digest": "sha256:short"}}, "/image/digest"),
        ({"deliverer": {"autoscaling": {"mode": "magic"}}}, "/deliverer/autoscaling/mode"),
        ({"trial": {"postgres": {"mountPath": "/data"}}}, "/trial/postgres/mountPath"),
        ({"networkPolicies": {"broker": {"ports": ["amqp"]}}}, "/networkPolicies/broker/ports/0"),
        ({"nosuch": 1}, "'nosuch'"),
    ],
)
def test_a_wrong_value_is_refused_by_name(wrong: dict[str, Any], field: str) -> None:
    text = refusal(merged(SECRETS, wrong))
    assert f"at '{field}'" in text or field in text, text


@pytest.mark.parametrize("name", SECRETS)
def test_a_missing_secret_is_refused_by_name(name: str) -> None:
    text = refusal({each: value for each, value in SECRETS.items() if each != name})
    assert f"{name}.existingSecret must name a secret" in text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"ingress": {"producer": {"enabled": True}}}, "ingress.producer needs a host"),
        ({"httpRoute": {"management": {"enabled": True}}}, "httpRoute.management needs parentRefs"),
        (
            {"certificates": {"producer": {"enabled": True}}},
            "certificates.producer needs issuerRef.name and dnsNames",
        ),
        (
            {"deliverer": {"autoscaling": {"min": 5, "max": 2}}},
            "deliverer.autoscaling.max must be at least min",
        ),
    ],
)
def test_what_belongs_together_is_checked(wrong: dict[str, Any], words: str) -> None:
    assert words in refusal(merged(TRIAL, wrong))


def test_the_charts_version_is_portcalls() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == chart["version"] == __version__
