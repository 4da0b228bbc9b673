"""compose.yaml and the Dockerfile: valid, about what there is, and with nothing secret in them."""

import fnmatch
import ipaddress
import json
import re
import subprocess
import tomllib
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

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

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
SCHEMA = json.loads((ROOT / "tests/fixtures/compose-spec.json").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
ROLES = [role.value for role in RunnableRole]
OURS = [*ROLES, "setup"]
THEIRS = ["rabbitmq", "postgres"]
SETTINGS: dict[str, type[Settings]] = {
    "producer": ProducerSettings,
    "router": RouterSettings,
    "deliverer": DelivererSettings,
    "recorder": Settings,
    "management": ManagementSettings,
    "setup": TopologySettings,
}
OF_OPENTELEMETRY = {
    "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG",
}  # fmt: skip
"""Read by its library, in every role."""
FROM_OUTSIDE = re.compile(r"\$\{[A-Z_]+:-\}")
"""A value that is nothing, unless the environment says one."""
BY_THE_FILE = {
    "PORTCALL_HOME", "PORTCALL_HEALTH_BIND", "PORTCALL_INSECURE_BIND", "PORTCALL_PRODUCER_BIND",
    "PORTCALL_MANAGEMENT_BIND", "PORTCALL_MANAGEMENT_TLS_BIND", "PORTCALL_OWN_PORTS",
    "PORTCALL_OWN_NETWORKS", "PORTCALL_ENCRYPTION_KEY_FILE",
}  # fmt: skip
"""What compose.yaml decides, because it follows from the file itself."""
OVERLAP = "PORTCALL_SECRET_OVERLAP"
LEFT_OUT = {
    "PORTCALL_RUN_FILE",  # a file in a container, which nobody reads
    "PORTCALL_ENCRYPTION_KEY",  # a file has it
}


def default_of(value: str) -> str:
    """What a value with a variable is where the environment says nothing."""
    return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", value)


each_service = pytest.mark.parametrize("name", SERVICES)
each_of_ours = pytest.mark.parametrize("name", OURS)
each_role = pytest.mark.parametrize("name", ROLES)


def test_the_file_keeps_the_compose_specification() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    errors = sorted(Draft202012Validator(SCHEMA).iter_errors(COMPOSE), key=str)
    assert not errors, [f"{list(error.absolute_path)}: {error.message}" for error in errors]


def test_a_mistake_in_the_file_would_be_seen() -> None:
    wrong = {**COMPOSE, "services": {**SERVICES, "router": {"image": "x", "no_such_key": []}}}
    assert not Draft202012Validator(SCHEMA).is_valid(wrong)


def test_there_is_a_service_for_each_role_and_for_what_they_need() -> None:
    assert set(SERVICES) == {*OURS, *THEIRS}
    assert default_of(SERVICES["rabbitmq"]["image"]) == "rabbitmq:4-management"
    assert default_of(SERVICES["postgres"]["image"]) == "postgres:18"
    assert len({SERVICES[name]["image"] for name in OURS}) == 1


@each_role
def test_a_role_runs_its_role(name: str) -> None:
    assert SERVICES[name]["command"] == ["run", name]


@each_of_ours
def test_a_command_is_one_that_there_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*SERVICES[name]["command"], "--help"]) == 0
    assert "Usage: portcall" in capsys.readouterr().out


def variables_of(name: str) -> set[str]:
    """The variables of a service; one with a file for its value counts as the value's."""
    return {
        variable.removesuffix("_FILE") if variable.removesuffix("_FILE") in SECRETS else variable
        for variable in SERVICES[name]["environment"]
    }


@each_of_ours
def test_a_variable_is_one_that_is_read(name: str) -> None:
    read = {field.alias for field in SETTINGS[name].model_fields.values()}
    common = {field.alias for field in Settings.model_fields.values()}
    assert variables_of(name) - {"PORTCALL_URL"} <= read | common | OF_OPENTELEMETRY


@each_role
def test_every_setting_of_a_role_is_handed_on(name: str) -> None:
    read = {str(field.alias) for field in SETTINGS[name].model_fields.values()}
    environment = SERVICES[name]["environment"]
    assert read - variables_of(name) - LEFT_OUT - BY_THE_FILE == set()
    for variable in read & set(environment) - BY_THE_FILE:
        assert f"${{{variable}:-" in str(environment[variable]), variable


@each_role
def test_a_role_has_every_variable_that_it_must_have(name: str) -> None:
    required = {
        field.alias for field in SETTINGS[name].model_fields.values() if field.is_required()
    }
    assert required <= variables_of(name)


def test_what_decides_the_topology_is_the_same_everywhere() -> None:
    for variable in ("PORTCALL_SHARDS", "PORTCALL_RETRY_SCHEDULE"):
        assert len({SERVICES[name]["environment"][variable] for name in OURS}) == 1


@each_service
def test_a_service_is_watched_restarted_bounded_and_logged(name: str) -> None:
    service = SERVICES[name]
    if name == "setup":
        assert service["healthcheck"] == {"disable": True}
        assert service["restart"].startswith("on-failure")
    else:
        assert service["healthcheck"]["test"][0] == "CMD"
        assert service["restart"] == "unless-stopped"
    assert set(service["deploy"]["resources"]["limits"]) >= {"cpus", "memory"}
    assert service["logging"]["options"]["max-size"]


@each_role
def test_a_role_is_asked_where_its_health_server_listens(name: str) -> None:
    _, port = SERVICES[name]["environment"]["PORTCALL_HEALTH_BIND"].split(":")
    assert SERVICES[name]["healthcheck"]["test"] == ["CMD", "portcall-probe", port, "/ready"]


@each_service
def test_a_service_may_do_no_more_than_it_must(name: str) -> None:
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in SERVICES[name]["security_opt"]
    assert "privileged" not in SERVICES[name]


@each_of_ours
def test_our_services_cannot_write_to_their_image(name: str) -> None:
    assert SERVICES[name]["read_only"] is True
    assert SERVICES[name]["tmpfs"] == ["/tmp"]  # noqa: S108 (a mount inside the container)


@each_role
def test_a_role_listens_beyond_its_container_where_that_is_said_and_nowhere_else(name: str) -> None:
    environment = SERVICES[name]["environment"]
    wide = {
        variable.removeprefix("PORTCALL_").removesuffix("_BIND").lower()
        for variable, value in environment.items()
        if str(value).startswith("0.0.0.0:") and "TLS" not in variable
    }
    assert set(environment["PORTCALL_INSECURE_BIND"].split(",")) == wide
    assert wide == ({"health", name} if name in ("producer", "management") else {"health"})


@pytest.mark.parametrize("name", THEIRS)
def test_other_peoples_services_do_not_run_as_root(name: str) -> None:
    assert SERVICES[name]["user"] not in {"root", "0"}


@pytest.mark.parametrize("name", ["deliverer", "router"])
def test_what_scales_has_nothing_of_which_there_is_one(name: str) -> None:
    for key in ("container_name", "ports", "hostname"):
        assert key not in SERVICES[name]
    assert all(volume.endswith(":ro") for volume in SERVICES[name].get("volumes", []))
    assert re.fullmatch(r"\$\{PORTCALL_[A-Z]+:-1\}", SERVICES[name]["deploy"]["replicas"])


@each_role
def test_a_role_has_the_time_to_end_what_it_does(name: str) -> None:
    timeout_ms = DelivererSettings.model_fields["attempt_timeout_ms"].default
    needed_ms = parse_duration_ms(timeout_ms) + 5_000
    assert parse_duration_ms(default_of(SERVICES[name]["stop_grace_period"])) >= needed_ms


def test_only_the_deliverer_and_what_is_published_leave_the_inside() -> None:
    assert COMPOSE["networks"]["inside"]["internal"] is True
    leaving = {name for name, service in SERVICES.items() if service["networks"] != ["inside"]}
    assert leaving == {"deliverer", "producer", "management"}


def test_ports_are_published_to_this_machine_alone_unless_told_otherwise() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("${PORTCALL_PUBLISH_ADDRESS:-127.0.0.1}:") for port in ports)


def test_networks_are_fixed_apart_and_never_a_target() -> None:
    subnets = [
        ipaddress.ip_network(default_of(network["ipam"]["config"][0]["subnet"]))
        for network in COMPOSE["networks"].values()
    ]
    assert not any(one.overlaps(two) for one, two in combinations(subnets, 2))
    own = default_of(SERVICES["deliverer"]["environment"]["PORTCALL_OWN_NETWORKS"]).split(",")
    for name, service in SERVICES.items():
        for network in set(service["networks"]) - {"outside"}:
            (config,) = COMPOSE["networks"][network]["ipam"]["config"]
            assert default_of(config["subnet"]) in own, name
    assert [name for name in SERVICES if "outside" in SERVICES[name]["networks"]] == ["deliverer"]


def test_what_is_published_is_no_target_either() -> None:
    published = {
        port.rpartition(":")[2]
        for service in SERVICES.values()
        for port in service.get("ports", [])
    }
    assert set(SERVICES["deliverer"]["environment"]["PORTCALL_OWN_PORTS"].split(",")) == published


def test_management_warns_by_the_settings_that_deliverers_enforce() -> None:
    deliverer, management = (SERVICES[name]["environment"] for name in ("deliverer", "management"))
    for name in ("ALLOW_TARGETS", "ALLOW_PORTS", "OWN_NETWORKS", "OWN_PORTS"):
        assert management[f"PORTCALL_{name}"] == deliverer[f"PORTCALL_{name}"]


@each_service
def test_nothing_secret_is_in_the_file(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search(r"PASS|TOKEN|SECRET|KEY|_URL_FILE", variable) and variable != OVERLAP:
            is_file = value.startswith("/run/secrets/") and variable.endswith("_FILE")
            assert is_file or FROM_OUTSIDE.fullmatch(value), variable
        assert not re.search(r"://[^/]*@", str(value)), variable


@each_service
def test_a_secret_that_is_named_is_mounted_and_no_other(name: str) -> None:
    named = set(re.findall(r"/run/secrets/([a-z-]+)", str(SERVICES[name].get("environment"))))
    mounted = {each for each in SERVICES[name].get("secrets", []) if isinstance(each, str)}
    assert named == mounted
    assert mounted <= set(COMPOSE["secrets"])


def made_by_the_script(folder: Path) -> dict[str, str]:
    subprocess.run([ROOT / "scripts/compose-secrets"], cwd=folder, check=True)  # noqa: S603
    return {file.name: file.read_text() for file in (folder / "secrets").iterdir()}


def test_the_script_makes_each_secret_that_the_file_names(tmp_path: Path) -> None:
    made, again = (made_by_the_script(tmp_path) for _ in range(2))
    assert again == made
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    named = {default_of(each["file"]) for each in COMPOSE["secrets"].values()}
    assert named == {f"./secrets/{name}" for name in made}
    broker = made["amqp-url"].split(":")[2].partition("@")[0]
    assert f"default_pass = {broker}\n" in made["rabbitmq-user.conf"]
    assert f":{made['database-password'].strip()}@" in made["database-url"]
    assert len({broker, made["token"], made["database-password"], made["encryption-key"]}) == 4


def test_the_script_takes_over_what_an_older_file_had(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "PORTCALL_TOKEN='the-token-of-before'\nPORTCALL_BROKER_PASSWORD=rabbit\n"
        'PORTCALL_DATABASE_PASSWORD="elephant"\nPORTCALL_ENCRYPTION_KEY=new,old\n'
    )
    assert made_by_the_script(tmp_path) == {
        "token": "the-token-of-before\n",
        "amqp-url": "amqp://portcall:rabbit@rabbitmq:5672/\n",
        "rabbitmq-user.conf": "default_user = portcall\ndefault_pass = rabbit\n",
        "database-url": "postgresql://portcall:elephant@postgres:5432/portcall\n",
        "database-password": "elephant\n",
        "encryption-key": "new\nold\n",
    }


def test_what_a_service_waits_for_is_a_service() -> None:
    for service in SERVICES.values():
        for other, wait in service.get("depends_on", {}).items():
            ended = wait["condition"] == "service_completed_successfully"
            assert ended is (SERVICES[other]["healthcheck"] == {"disable": True})


def test_what_is_mounted_is_declared() -> None:
    used = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith("${PORTCALL_CERTIFICATES:-./certificates}:")
    }
    assert used == set(COMPOSE["volumes"])


def test_the_file_for_podman_takes_start_interval_from_each_service_that_has_it() -> None:
    text = (ROOT / "compose.podman.yaml").read_text()
    taken = yaml.safe_load(text.replace("!reset null", "taken"))["services"]
    having = {
        name for name, each in SERVICES.items() if "start_interval" in each.get("healthcheck", {})
    }
    assert {name for name, each in taken.items() if each["healthcheck"]["start_interval"]} == having
    assert "&" not in text  # Compose loses !reset behind an anchor


def test_the_image_is_built_from_locked_requirements_and_runs_without_root() -> None:
    assert DOCKERFILE.count("--require-hashes") == 2
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.\d+-slim$", DOCKERFILE, re.MULTILINE)
    assert re.search(r"^USER [1-9]\d*$", DOCKERFILE, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK ", DOCKERFILE, re.MULTILINE)
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "pip" not in last_stage
    assert "apt" not in last_stage


def test_what_the_dockerfile_copies_is_there_and_sent_to_the_builder() -> None:
    allowed = [
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    ]
    assert all((ROOT / name).exists() for name in allowed)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["setuptools"]["packages"]["find"]["include"]
    roots = {package.rstrip("*") for package in packages}
    links = {path.name for root in roots for path in (ROOT / root).iterdir() if path.is_symlink()}
    assert links
    assert roots | links <= set(allowed)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    for name in " ".join(copied).split():
        assert (ROOT / name).exists()
        assert name == "." or any(fnmatch.fnmatch(name, f"{entry}*") for entry in allowed)
