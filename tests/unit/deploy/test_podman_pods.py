"""scripts/podman_pods.py: Podman gets the plain manifests, but for the changes that it names."""

import base64
import copy
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
SCRIPT = runpy.run_path(str(ROOT / "scripts/podman_pods.py"))
FromScript = Any
"""An object of a class of the script's, which is no module."""
MANIFESTS = [
    each
    for each in yaml.safe_load_all((ROOT / "deploy/kubernetes/portcall.yaml").read_text())
    if each
]
SECRETS = [
    {"kind": "Secret", "metadata": {"name": "rabbitmq-default-user"}, "stringData": {"connection_string": "amqp://b"}},
    {"kind": "Secret", "metadata": {"name": "postgres-app"}, "data": {"uri": base64.b64encode(b"postgresql://d").decode()}},
    {"kind": "Secret", "metadata": {"name": "portcall-credentials"}, "stringData": {"token": "t", "encryption-key": "k"}},
]  # fmt: skip


@pytest.fixture
def manifests() -> FromScript:
    return SCRIPT["Manifests"]([*copy.deepcopy(MANIFESTS), *SECRETS])


def spec_of(pod: FromScript) -> dict[str, Any]:
    return dict(pod.documents[-1]["spec"])


def test_jobs_come_first_and_each_deployment_has_its_replicas(manifests: FromScript) -> None:
    pods = manifests.pods()
    assert [(each.name, each.ends) for each in pods] == [
        ("portcall-setup-1", True),
        ("portcall-producer-1", False),
        ("portcall-producer-2", False),
        ("portcall-router-1", False),
        ("portcall-router-2", False),
        ("portcall-deliverer-1", False),
        ("portcall-deliverer-2", False),
        ("portcall-recorder-1", False),
        ("portcall-recorder-2", False),
        ("portcall-management-1", False),
        ("portcall-management-2", False),
    ]


def test_a_service_is_a_name_in_the_network(manifests: FromScript) -> None:
    aliases = {each.component: each.aliases for each in manifests.pods()}
    assert "portcall-producer" in aliases["producer"]
    assert "portcall-management" in aliases["management"]
    assert "portcall-producer" not in aliases["router"]
    assert aliases["setup"] == ()


def test_a_projected_volume_is_one_secret_with_the_same_files(manifests: FromScript) -> None:
    pods = {each.name: each for each in manifests.pods()}
    secret, _ = pods["portcall-producer-2"].documents
    values = {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}
    assert values == {
        "amqp-url": "amqp://b",
        "database-url": "postgresql://d",
        "token": "t",
        "encryption-key": "k",
    }
    (volume,) = [
        each for each in spec_of(pods["portcall-producer-2"])["volumes"] if "secret" in each
    ]
    assert volume["secret"]["secretName"] == secret["metadata"]["name"]


def test_probes_by_http_are_commands_of_the_image(manifests: FromScript) -> None:
    for pod in manifests.pods():
        for container in spec_of(pod)["containers"]:
            assert "readinessProbe" not in container
            for kind in ("startupProbe", "livenessProbe"):
                if not pod.ends:
                    command = container[kind]["exec"]["command"]
                    assert command == ["portcall-probe", "9000", command[2]]
                    assert "httpGet" not in container[kind]


def test_the_rights_and_the_grace_of_a_pod_stay(manifests: FromScript) -> None:
    whole = {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for each in MANIFESTS
        if each["kind"] in {"Deployment", "Job"}
    }
    for pod in manifests.pods():
        before, after = whole[pod.name.rpartition("-")[0]], spec_of(pod)
        assert after["securityContext"] == before["securityContext"]
        assert after.get("terminationGracePeriodSeconds", 30) == pod.grace_s
        for old, new in zip(before["containers"], after["containers"], strict=True):
            for kept in ("args", "env", "image", "resources", "securityContext"):
                assert new[kept] == old[kept]
            paths = [(each["mountPath"], each.get("readOnly")) for each in old["volumeMounts"]]
            assert [
                (each["mountPath"], each.get("readOnly")) for each in new["volumeMounts"]
            ] == paths


def test_two_pods_share_no_volume(manifests: FromScript) -> None:
    names = [
        each["name"]
        for pod in manifests.pods()
        for each in spec_of(pod)["volumes"]
        if "emptyDir" in each
    ]
    assert len(names) == len(set(names)) == len(manifests.pods())
    for pod in manifests.pods():
        there = {each["name"] for each in spec_of(pod)["volumes"]}
        for container in spec_of(pod)["containers"]:
            assert {each["name"] for each in container["volumeMounts"]} <= there


def test_all_that_is_changed_or_left_out_is_said(manifests: FromScript) -> None:
    manifests.pods()
    said = "\n".join(manifests.changes)
    for what in ("NetworkPolicy", "PodDisruptionBudget", "readinessProbe", "preStop", "httpGet"):
        assert what in said


def test_nothing_of_the_manifests_is_left_out_unsaid(manifests: FromScript) -> None:
    known = {"Deployment", "Job", "Service", "Secret", *SCRIPT["LEFT_OUT"]}
    assert {each["kind"] for each in MANIFESTS} <= known


def test_a_secret_that_is_not_there_is_named(manifests: FromScript) -> None:
    manifests.documents.remove(SECRETS[1])
    with pytest.raises(SCRIPT["UnusableManifestError"], match="postgres-app"):
        manifests.pods()


def test_a_key_that_is_not_there_is_named(manifests: FromScript) -> None:
    manifests.documents.remove(SECRETS[0])
    other = {**SECRETS[0], "stringData": {"uri": "amqp://b"}}
    manifests.documents.append(other)
    with pytest.raises(
        SCRIPT["UnusableManifestError"], match=r"rabbitmq-default-user .* connection_string"
    ):
        manifests.pods()


def test_the_files_are_the_users_alone_and_the_commands_are_in_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = tmp_path / "secrets.yaml"
    secrets.write_text(yaml.safe_dump_all(SECRETS))
    folder = tmp_path / "pods"
    plain = str(ROOT / "deploy/kubernetes/portcall.yaml")
    assert SCRIPT["main"]([plain, str(secrets), str(folder)]) == 0
    commands = capsys.readouterr().out.splitlines()
    assert commands[0] == "podman network create portcall"
    assert commands[2] == "podman wait portcall-setup-1-topology # it must be 0"
    files = sorted(folder.iterdir())
    assert len(files) == 11
    assert {each.stat().st_mode & 0o777 for each in files} == {0o600}


def test_a_missing_secret_is_an_error_and_not_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = str(ROOT / "deploy/kubernetes/portcall.yaml")
    assert SCRIPT["main"]([plain, str(tmp_path / "pods")]) == 1
    assert "Secret" in capsys.readouterr().err
    assert SCRIPT["main"]([plain]) == 2
