"""The pods of the chart: the restricted Pod Security Standard, probes, ends, secrets, settings."""

import re
from typing import Any

import pytest

from portcall.cli.commands.run import RunnableRole
from portcall.cli.commands.topology import TopologySettings
from portcall.cli.main import run
from portcall.deliverer.settings import DelivererSettings
from portcall.management.settings import ManagementSettings
from portcall.producer.settings import ProducerSettings
from portcall.router.settings import RouterSettings
from portcall.runtime.secret_files import SECRETS
from portcall.runtime.settings import Settings
from portcall.schemas.durations import parse_duration_ms
from portcall.schemas.topology import EVENTS_IN, deliver_queue
from portcall.store.secrets.keys import KeySource
from tests.unit.deploy.chart import (
    ROOT,
    Document,
    containers,
    environment,
    merged,
    of_kind,
    one,
    pods,
    render,
)
from tests.unit.deploy.table import BRIEF, SETTINGS, TABLE

ROLES = [role.value for role in RunnableRole]
SERVERS = {"producer": 8401, "management": 8400}
READS: dict[str, type[Settings]] = {
    "producer": ProducerSettings,
    "router": RouterSettings,
    "deliverer": DelivererSettings,
    "recorder": Settings,
    "management": ManagementSettings,
    "setup": TopologySettings,
}
EVERYTHING = merged(SETTINGS, TABLE["none/secret/secrets/none"])
LEFT_OUT = {
    "PORTCALL_RUN_FILE",  # a file in a pod, which nobody reads
    "PORTCALL_ENCRYPTION_KEY",  # a file has it
    "PORTCALL_HOME",  # the image decides
}
OF_THE_IMAGE = set(re.findall(r"(PORTCALL_[A-Z_]+)=", (ROOT / "Dockerfile").read_text()))
VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
    "projected", "secret",
}  # fmt: skip
"""What the restricted standard allows."""

each_role = pytest.mark.parametrize("role", ROLES)


def pod_of(role: str, values: Any = None) -> Document:  # noqa: ANN401 (values of a chart)
    documents = render(values)
    if role == "setup":
        (job,) = of_kind(documents, "Job")
        return dict(job["spec"]["template"])
    return dict(one(documents, "Deployment", f"portcall-{role}")["spec"]["template"])


def container_of(role: str, values: Any = None) -> Document:  # noqa: ANN401 (values of a chart)
    return containers(pod_of(role, values))[-1]


def violations(pod: Document) -> list[str]:
    """What the restricted Pod Security Standard has against a pod.

    Source: kubernetes.io/docs/concepts/security/pod-security-standards, with the baseline's rules.
    """
    spec = pod["spec"]
    whole = spec.get("securityContext", {})
    found = [f"{key} is set" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    found += [f"sysctls: {each}" for each in whole.get("sysctls", [])]
    for volume in spec.get("volumes", []):
        found += [f"volume: {kind}" for kind in set(volume) - {"name"} - VOLUMES]
    for container in containers(pod):
        own = container.get("securityContext", {})
        effective = {**whole, **own}
        capabilities = own.get("capabilities", {})
        rules = {
            "privileged": own.get("privileged", False) is False,
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
            "drop": "ALL" in capabilities.get("drop", []),
            "add": set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"},
            "runAsNonRoot": effective.get("runAsNonRoot") is True,
            "runAsUser": effective.get("runAsUser") != 0,
            "seccompProfile": effective.get("seccompProfile", {}).get("type")
            in {"RuntimeDefault", "Localhost"},
            "procMount": own.get("procMount", "Default") == "Default",
            "hostPort": not any("hostPort" in port for port in container.get("ports", [])),
            "probe host": "'host':"
            not in str([value for key, value in container.items() if "Probe" in key]),
        }
        found += [f"{container['name']}: {rule}" for rule, kept in rules.items() if not kept]
    return found


@pytest.mark.parametrize("name", BRIEF)
def test_every_pod_keeps_the_restricted_pod_security_standard(name: str) -> None:
    found = {pod: violations(template) for pod, template in pods(render(BRIEF[name]))}
    assert len(found) >= len(ROLES) + 1
    assert not any(found.values()), found


@pytest.mark.parametrize(
    "change",
    [
        {"hostNetwork": True},
        {"securityContext": {"runAsNonRoot": False}},
        {"securityContext": {"runAsNonRoot": True}},
        {"volumes": [{"name": "node", "hostPath": {"path": "/"}}]},
    ],
)
def test_a_violation_would_be_seen(change: dict[str, Any]) -> None:
    pod = pod_of("router")
    assert violations({**pod, "spec": {**pod["spec"], **change}})


@pytest.mark.parametrize("name", BRIEF)
def test_no_pod_has_a_token_of_kubernetes(name: str) -> None:
    documents = render(BRIEF[name])
    for _, pod in pods(documents):
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["enableServiceLinks"] is False
    assert all(
        each["automountServiceAccountToken"] is False
        for each in of_kind(documents, "ServiceAccount")
    )
    assert not [each for each in documents if "Role" in each["kind"]]


@pytest.mark.parametrize("role", [*ROLES, "setup"])
def test_our_containers_cannot_write_to_their_image(role: str) -> None:
    for container in containers(pod_of(role)):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert "/tmp" in {each["mountPath"] for each in container["volumeMounts"]}  # noqa: S108


@pytest.mark.parametrize("role", [*ROLES, "setup"])
def test_a_command_is_one_that_there_is(role: str, capsys: pytest.CaptureFixture[str]) -> None:
    for container in containers(pod_of(role)):
        assert run([*container["args"], "--help"]) == 0
        assert "Usage: portcall" in capsys.readouterr().out


def test_the_setup_migrates_before_it_declares_queues_and_may_run_again() -> None:
    (job,) = of_kind(render(), "Job")
    commands = [each["args"] for each in containers(job["spec"]["template"])]
    assert commands == [["store", "migrate"], ["topology", "apply"]]
    annotations = job["metadata"]["annotations"]
    assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade,pre-rollback"
    assert "before-hook-creation" in annotations["helm.sh/hook-delete-policy"]
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "OnFailure"


def test_the_setup_of_a_trial_runs_beside_the_broker_that_it_needs() -> None:
    (job,) = of_kind(render(TABLE["none/none/trial/none"]), "Job")
    assert "annotations" not in job["metadata"]
    assert job["metadata"]["name"] == "portcall-setup-1"  # the revision: a Job cannot be changed


def test_what_a_hook_needs_is_there_before_it() -> None:
    documents = render()
    hooks = [
        each for each in documents if "helm.sh/hook" in each["metadata"].get("annotations", {})
    ]
    weights = {
        each["kind"]: int(each["metadata"]["annotations"]["helm.sh/hook-weight"]) for each in hooks
    }
    assert weights["NetworkPolicy"] < weights["Job"]
    account = pod_of("setup")["spec"]["serviceAccountName"]
    assert account == "default"  # every namespace has it, before the chart's own is there
    named = {each["metadata"]["name"] for each in documents}
    for source in pod_of("setup")["spec"]["volumes"]:
        for each in source.get("projected", {}).get("sources", []):
            assert each["secret"]["name"] not in named


@each_role
def test_a_pod_has_the_time_to_end_what_it_does(role: str) -> None:
    for values, timeout_s in (({}, 15), (SETTINGS, 90)):
        spec = pod_of(role, values)["spec"]
        (container,) = spec["containers"]
        before_s = (
            container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        )
        assert spec["terminationGracePeriodSeconds"] >= before_s + timeout_s + 5
        assert (before_s > 0) is (role in SERVERS)


@pytest.mark.parametrize(
    ("timeout", "grace_s"), [("1500ms", 12), ("2m", 130), ("30s", 40), ("1h", 3610)]
)
def test_the_grace_follows_the_attempt_timeout(timeout: str, grace_s: int) -> None:
    spec = pod_of("deliverer", {"settings": {"attemptTimeout": timeout}})["spec"]
    assert spec["terminationGracePeriodSeconds"] == grace_s
    assert grace_s * 1000 >= parse_duration_ms(timeout) + 5000


@each_role
def test_a_role_is_asked_where_it_listens(role: str) -> None:
    container = container_of(role, EVERYTHING)
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    variables = environment(container)
    assert variables["PORTCALL_HEALTH_BIND"] == f"0.0.0.0:{ports['health']}"
    assert container["livenessProbe"]["httpGet"] == {"path": "/live", "port": "health"}
    assert container["startupProbe"]["httpGet"] == {"path": "/ready", "port": "health"}
    ready = container["readinessProbe"]["httpGet"]
    if role in SERVERS:
        assert ports["http"] == SERVERS[role]
        assert variables[f"PORTCALL_{role.upper()}_BIND"] == f"0.0.0.0:{ports['http']}"
        assert variables[f"PORTCALL_{role.upper()}_TLS_BIND"] == f"0.0.0.0:{ports['https']}"
        assert ready == {"path": "/live", "port": "http"}
    else:
        assert ready == {"path": "/ready", "port": "health"}


@each_role
def test_a_role_listens_for_others_where_that_is_said_and_nowhere_else(role: str) -> None:
    variables = environment(container_of(role, EVERYTHING))
    wide = {
        name.removeprefix("PORTCALL_").removesuffix("_BIND").lower()
        for name, value in variables.items()
        if name.endswith("_BIND") and value.startswith("0.0.0.0:") and "TLS" not in name
    }
    assert set(variables["PORTCALL_INSECURE_BIND"].split(",")) == wide


def plain(name: str) -> str:
    """The setting's name of a variable that names a file with its value."""
    return name.removesuffix("_FILE") if name.removesuffix("_FILE") in SECRETS else name


@pytest.mark.parametrize("role", [*ROLES, "setup"])
def test_every_setting_of_a_role_can_be_reached_by_values(role: str) -> None:
    read = {str(field.alias) for field in READS[role].model_fields.values()}
    given = {plain(name) for name in environment(container_of(role, EVERYTHING))}
    unreached = read - given - LEFT_OUT
    assert unreached == (
        {"PORTCALL_HEALTH_BIND", "PORTCALL_INSECURE_BIND", "PORTCALL_TOKEN"}
        if role == "setup"
        else set()
    )
    assert {name for name in given if name.startswith("PORTCALL_")} <= read | {"PORTCALL_URL"}


@pytest.mark.parametrize("role", [*ROLES, "setup"])
def test_what_is_not_set_is_left_to_the_role(role: str) -> None:
    given = {plain(name) for name in environment(container_of(role))}
    required = {f.alias for f in READS[role].model_fields.values() if f.is_required()}
    assert required <= given
    assert not any(value == "" for value in environment(container_of(role)).values())


@each_role
def test_a_role_can_read_its_settings(role: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("secrets")
    variables = environment(container_of(role, EVERYTHING))
    contents = {
        "PORTCALL_AMQP_URL": "amqp://user:password@broker:5672/",
        "PORTCALL_DATABASE_URL": "postgresql://user:password@store:5432/app",
        "PORTCALL_OPERATOR_WEBHOOK_URI": "https://ops.example.com/",
        "PORTCALL_OPERATOR_WEBHOOK_SECRET": f"whsec_{'A' * 32}",
    }
    for name in variables:
        if plain(name) != name:
            file = folder / name
            file.write_text(contents.get(plain(name), "0123456789abcdef"))
            variables[name] = str(file)
    settings = READS[role].from_environment(variables)
    assert settings.shards == 4
    assert settings.retry_schedule_ms == (1000, 2000)
    if isinstance(settings, DelivererSettings):
        assert settings.max_in_flight == 10_000  # not 1e+04
        assert settings.attempt_timeout_ms == 90_000


def test_a_variable_of_the_image_is_known_here() -> None:
    assert {"PORTCALL_HOME", "PORTCALL_ENCRYPTION_KEY_FILE"} <= OF_THE_IMAGE


@pytest.mark.parametrize("name", BRIEF)
def test_a_file_that_a_variable_names_is_mounted(name: str) -> None:
    for pod_name, pod in pods(render(BRIEF[name])):
        spec = pod["spec"]
        volumes = {each["name"]: each for each in spec.get("volumes", [])}
        for container in containers(pod):
            for mount in container["volumeMounts"]:
                assert mount["name"] in volumes or mount["name"] == "data"
            for variable, value in (
                {e["name"]: e.get("value", "") for e in container.get("env", [])}
            ).items():
                if value.startswith("/run/"):
                    assert _is_mounted(value, container, volumes), (pod_name, variable)


def _is_mounted(path: str, container: Document, volumes: dict[str, Document]) -> bool:
    for mount in container["volumeMounts"]:
        if path.startswith(f"{mount['mountPath']}/"):
            volume = volumes[mount["name"]]
            sources = [each["secret"] for each in volume.get("projected", {}).get("sources", [])]
            sources += [volume["secret"]] if "secret" in volume else []
            items = [item["path"] for each in sources for item in each.get("items", [])]
            whole = any("items" not in each for each in sources)  # kubernetes.io/tls
            return whole or path.rpartition("/")[2] in items
    return False


def secrets_of(role: str) -> set[str]:
    (volume,) = (
        each for each in pod_of(role, EVERYTHING)["spec"]["volumes"] if each["name"] == "secrets"
    )
    return {
        item["path"] for each in volume["projected"]["sources"] for item in each["secret"]["items"]
    }


def test_a_role_sees_the_secrets_that_it_reads_and_no_others() -> None:
    common = {"amqp-url", "database-url", "token"}
    operator = {"operator-webhook-uri", "operator-webhook-secret"}
    assert {role: secrets_of(role) for role in [*ROLES, "setup"]} == {
        "producer": common | {"encryption-key"},
        "router": common,
        "deliverer": common | operator | {"encryption-key"},
        "recorder": common,
        "management": common | operator | {"encryption-key", "identity-header"},
        "setup": {"amqp-url", "database-url"},
    }


@pytest.mark.parametrize("name", BRIEF)
def test_nothing_secret_is_a_variable(name: str) -> None:
    for _, pod in pods(render(BRIEF[name])):
        for container in containers(pod):
            for each in container.get("env", []):
                assert not re.search(
                    r"PASS|TOKEN|SECRET(?!_OVERLAP)|_KEY|AMQP|DATABASE_URL|IDENTITY", each["name"]
                ) or each["name"].endswith("_FILE")
                assert not re.search(r"://[^/]*@", each.get("value", ""))


def test_the_operators_secrets_fit_as_they_come() -> None:
    (volume,) = (each for each in pod_of("router")["spec"]["volumes"] if each["name"] == "secrets")
    read = {
        each["secret"]["name"]: each["secret"]["items"] for each in volume["projected"]["sources"]
    }
    # Source: rabbitmq.com/kubernetes/operator (default user secret), cloudnative-pg.io (connection secrets).
    assert read["rabbit-default-user"] == [{"key": "connection_string", "path": "amqp-url"}]
    assert read["postgres-app"] == [{"key": "uri", "path": "database-url"}]


@each_role
def test_pods_have_requests_and_a_bound_of_memory(role: str) -> None:
    resources = container_of(role)["resources"]
    assert set(resources["requests"]) == {"cpu", "memory"}
    assert "memory" in resources["limits"]


@each_role
def test_a_role_scales_by_one_thing_alone(role: str) -> None:
    for mode in ("none", "hpa", "keda"):
        documents = render(TABLE[f"none/none/secrets/{mode}"])
        deployment = one(documents, "Deployment", f"portcall-{role}")
        scaled = {
            each["spec"]["scaleTargetRef"]["name"]
            for each in documents
            if each["kind"] in {"HorizontalPodAutoscaler", "ScaledObject"}
        }
        assert ("replicas" in deployment["spec"]) is (f"portcall-{role}" not in scaled)


def test_a_second_recorder_stands_by_and_one_always_runs() -> None:
    documents = render()
    spec = one(documents, "Deployment", "portcall-recorder")["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    budget = one(documents, "PodDisruptionBudget", "portcall-recorder")["spec"]
    assert budget["maxUnavailable"] == 1


def test_every_queue_of_deliveries_scales_the_deliverers() -> None:
    values = merged(SETTINGS, TABLE["none/none/secrets/keda"])
    triggers = one(render(values), "ScaledObject", "portcall-deliverer")["spec"]["triggers"]
    queues = [each["metadata"].get("queueName") for each in triggers]
    assert queues == [deliver_queue(shard) for shard in range(4)]
    (router,) = one(render(values), "ScaledObject", "portcall-router")["spec"]["triggers"]
    assert router["metadata"]["queueName"] == EVENTS_IN


def test_what_keda_falls_back_from_is_no_cpu() -> None:
    # Source: KEDA's admission webhook: a fallback needs triggers of type AverageValue, none by CPU.
    objects = of_kind(render(TABLE["none/none/secrets/keda"]), "ScaledObject")
    fallback = {each["metadata"]["name"] for each in objects if "fallback" in each["spec"]}
    assert fallback == {"portcall-router", "portcall-deliverer"}
    for each in objects:
        kinds = {trigger["metricType"] for trigger in each["spec"]["triggers"]}
        assert kinds == {"AverageValue" if "fallback" in each["spec"] else "Utilization"}


def test_the_ports_of_the_servers_are_no_targets() -> None:
    ports = {
        port["containerPort"]
        for role in SERVERS
        for port in container_of(role, EVERYTHING)["ports"]
        if port["name"] != "health"
    }
    own = environment(container_of("deliverer"))["PORTCALL_OWN_PORTS"]
    assert {int(port) for port in own.split(",")} == ports


def test_a_trials_secrets_fit_each_other_and_the_roles() -> None:
    (secret,) = of_kind(render(TABLE["none/none/trial/none"]), "Secret")
    found = secret["stringData"]
    assert f"default_pass = {found['broker-password']}\n" in found["default_user.conf"]
    assert f":{found['broker-password']}@" in found["connection_string"]
    assert f":{found['database-password']}@" in found["uri"]
    assert len({found[key] for key in ("broker-password", "database-password", "token")}) == 3
    settings = ManagementSettings.from_environment(
        {
            "PORTCALL_AMQP_URL": found["connection_string"],
            "PORTCALL_DATABASE_URL": found["uri"],
            "PORTCALL_TOKEN": found["token"],
            "PORTCALL_ENCRYPTION_KEY": found["encryption-key"],
        }
    )
    assert KeySource.named_by(settings).vault().first
    assert secret["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
