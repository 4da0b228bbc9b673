"""What helm renders: valid for Kubernetes 1.36 and the operators' resources, in every combination."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from tests.unit.deploy.chart import CHART, ROOT, SECRETS, TOOLS, Document, helm, merged, render
from tests.unit.deploy.table import BRIEF, TABLE

CRDS = ROOT / "tests/fixtures/crds"
LONGEST_NAME = 63


def _schema_file(name: str) -> "Resource[Any]":
    schema = json.loads((TOOLS / "schemas" / name.rpartition("/")[2]).read_text())
    return Resource.from_contents(schema, default_specification=DRAFT7)


@cache
def validator(api_version: str, kind: str) -> Draft7Validator:
    """The schema of a kind: of Kubernetes, or of an operator."""
    group, _, version = api_version.rpartition("/")
    custom = CRDS / f"{kind}-{group}-{version}.json".lower()
    if custom.exists():
        return Draft7Validator(json.loads(custom.read_text()))
    name = "-".join([kind, *([group.partition(".")[0]] if group else []), version]).lower()
    schema = json.loads((TOOLS / "schemas" / f"{name}.json").read_text())
    return Draft7Validator(schema, registry=Registry(retrieve=_schema_file))  # type: ignore[call-arg]  # it has it


def problems(document: Document) -> list[str]:
    """What is wrong with a document."""
    name = f"{document['kind']} {document['metadata']['name']}"
    found = validator(document["apiVersion"], document["kind"]).iter_errors(document)
    return [f"{name}: {list(error.absolute_path)}: {error.message}" for error in found]


def test_every_combination_is_valid() -> None:
    with ThreadPoolExecutor(4) as threads:
        rendered = dict(zip(TABLE, threads.map(render, TABLE.values()), strict=True))
    seen: set[str] = set()
    wrong = {}
    for name, documents in rendered.items():
        for document in documents:
            if (text := json.dumps(document, sort_keys=True)) not in seen:
                seen.add(text)
                if found := problems(document):
                    wrong[name] = found
    assert not wrong
    kinds = {json.loads(text)["kind"] for text in seen}
    assert kinds >= {"Deployment", "Job", "NetworkPolicy", "StatefulSet", "Ingress", "HTTPRoute",
                     "Certificate", "ScaledObject", "TriggerAuthentication", "ServiceMonitor",
                     "HorizontalPodAutoscaler", "PodDisruptionBudget", "PrometheusRule"}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Deployment", ["spec", "template", "spec"]),
        ("Job", ["spec"]),
        ("NetworkPolicy", ["spec"]),
        ("ScaledObject", ["spec"]),
        ("Certificate", ["spec"]),
        ("ServiceMonitor", ["spec"]),
    ],
)
def test_a_mistyped_field_would_be_seen(kind: str, path: list[str]) -> None:
    values = merged(TABLE["none/cert-manager/secrets/keda"], TABLE["monitoring"])
    document = next(each for each in render(values) if each["kind"] == kind)
    assert not problems(document)
    target = document
    for key in path:
        target = target[key]
    target["noSuchField"] = 1
    assert problems(document)


@pytest.mark.parametrize("name", BRIEF)
def test_names_are_unique_and_fit_and_everything_is_in_the_namespace(name: str) -> None:
    documents = render(BRIEF[name])
    keys = [(each["kind"], each["metadata"]["name"]) for each in documents]
    assert len(keys) == len(set(keys))
    assert all(len(key[1]) <= LONGEST_NAME for key in keys)
    assert {each["metadata"]["namespace"] for each in documents} == {"hooks"}
    assert all(each["metadata"]["labels"] for each in documents)


@pytest.mark.parametrize(
    "name", ["none/none/secrets/none", "none/none/trial/none", "settings", "monitoring"]
)
def test_helm_has_nothing_to_say_about_it(name: str) -> None:
    done = helm("lint", "--strict", str(CHART), values=merged(SECRETS, TABLE[name]))
    assert done.returncode == 0, done.stdout


def test_a_selector_of_something_selects_its_pods() -> None:
    documents = render(TABLE["none/none/trial/none"])
    labels = [
        each["spec"]["template"]["metadata"]["labels"].items()
        for each in documents
        if each["kind"] in {"Deployment", "StatefulSet"}
    ]
    for document in documents:
        if document["kind"] == "Service":
            assert any(document["spec"]["selector"].items() <= each for each in labels)
        if document["kind"] == "PodDisruptionBudget":
            wanted = document["spec"]["selector"]["matchLabels"].items()
            assert sum(wanted <= each for each in labels) == 1
