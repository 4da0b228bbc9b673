"""deploy/kubernetes: the chart's manifests for those without Helm."""

import runpy
import subprocess

import yaml

from tests.unit.deploy.chart import ROOT, TOOLS, containers, of_kind, pods
from tests.unit.deploy.test_manifests import problems

FOLDER = ROOT / "deploy/kubernetes"
SCRIPT = runpy.run_path(str(ROOT / "scripts/plain_manifests.py"))
TEXT = (FOLDER / "portcall.yaml").read_text()
DOCUMENTS = list(yaml.load_all(TEXT, yaml.CSafeLoader))


def test_they_are_what_the_chart_renders() -> None:
    assert SCRIPT["rendered"]() == TEXT, "make docs renders them anew"


def test_they_are_valid_and_of_kubernetes_alone() -> None:
    assert not [problem for document in DOCUMENTS for problem in problems(document)]
    groups = {document["apiVersion"].partition("/")[0] for document in DOCUMENTS}
    assert groups == {"v1", "apps", "batch", "policy", "networking.k8s.io"}


def test_nothing_in_them_is_helms() -> None:
    assert "helm.sh" not in TEXT
    assert "managed-by: Helm" not in TEXT


def test_the_setup_is_an_ordinary_job_that_goes_by_itself() -> None:
    (job,) = of_kind(DOCUMENTS, "Job")
    assert "annotations" not in job["metadata"]
    assert job["spec"]["ttlSecondsAfterFinished"] == 600


def test_they_have_a_pod_for_each_role() -> None:
    commands = [tuple(each["args"]) for _, pod in pods(DOCUMENTS) for each in containers(pod)]
    roles = ("producer", "router", "deliverer", "recorder", "management")
    assert set(commands) == {
        ("store", "migrate"),
        ("topology", "apply"),
        *(("run", role) for role in roles),
    }


def test_kustomize_builds_them() -> None:
    done = subprocess.run(  # noqa: S603 (the kubectl of scripts/chart-tools)
        [TOOLS / "kubectl", "kustomize", FOLDER], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    built = list(yaml.load_all(done.stdout, yaml.CSafeLoader))
    assert len(built) == len(DOCUMENTS)
    assert {document["metadata"]["namespace"] for document in built} == {"portcall"}
