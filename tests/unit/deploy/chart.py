"""The Helm chart, rendered by the real helm that `scripts/chart-tools` unpacks."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
TOOLS = ROOT / ".cache/chart"
CHART = ROOT / "deploy/helm/portcall"
Document = dict[str, Any]
Values = Mapping[str, Any]

SECRETS: Values = {
    "credentials": {"existingSecret": "portcall-credentials"},
    "broker": {"existingSecret": "rabbit-default-user"},
    "database": {"existingSecret": "postgres-app"},
}
"""The secrets that an installation must name: of RabbitMQ's and CloudNativePG's operators."""


def merged(one: Values, two: Values) -> dict[str, Any]:
    """*one* with the values of *two*, as helm merges them."""
    both = dict(one)
    for name, value in two.items():
        before = both.get(name)
        both[name] = (
            merged(before, value)
            if isinstance(before, Mapping) and isinstance(value, Mapping)
            else value
        )
    return both


def helm(*arguments: str, values: Values | None = None) -> "subprocess.CompletedProcess[str]":
    """Run helm with *values* as its values file."""
    return subprocess.run(  # noqa: S603 (the helm of scripts/chart-tools)
        [TOOLS / "helm", *arguments, *([] if values is None else ["--values", "-"])],
        input=None if values is None else json.dumps(values),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@cache
def _rendered(values: str) -> str:
    command = ["template", "portcall", str(CHART), "--namespace", "hooks", "--include-crds"]
    done = helm(*command, values=json.loads(values))
    assert done.returncode == 0, done.stderr
    return done.stdout


def text_of(values: Values | None = None) -> str:
    """The manifests for *values*, and the secrets that an installation must name."""
    return _rendered(json.dumps(merged(SECRETS, values or {})))


def render(values: Values | None = None) -> list[Document]:
    """The documents of `text_of`."""
    parts = re.split(r"^---$", text_of(values), flags=re.MULTILINE)
    return [json.loads(text) for text in map(_as_json, parts) if text != "null"]


@cache
def _as_json(text: str) -> str:
    """A document as JSON; most documents are the same for most values."""
    return json.dumps(yaml.load(text, yaml.CSafeLoader))


def refusal(values: Values) -> str:
    """What helm says about values that it must refuse."""
    done = helm("template", "portcall", str(CHART), values=values)
    assert done.returncode != 0
    return done.stderr


def one(documents: list[Document], kind: str, name: str) -> Document:
    """The document of this kind and name."""
    (found,) = (
        each for each in documents if (each["kind"], each["metadata"]["name"]) == (kind, name)
    )
    return found


def of_kind(documents: list[Document], kind: str) -> list[Document]:
    """The documents of this kind."""
    return [each for each in documents if each["kind"] == kind]


def pods(documents: list[Document]) -> Iterator[tuple[str, Document]]:
    """The pod templates, by the name of what makes the pods."""
    for document in documents:
        if document["kind"] in {"Deployment", "StatefulSet", "Job"}:
            yield document["metadata"]["name"], document["spec"]["template"]


def containers(pod: Document) -> list[Document]:
    """All containers of a pod template."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def environment(container: Document) -> dict[str, str]:
    """The variables of a container."""
    return {each["name"]: each["value"] for each in container["env"]}
