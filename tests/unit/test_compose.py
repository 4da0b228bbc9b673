"""compose.yaml and the Dockerfile: valid, about what there is, and with nothing secret in them."""

import fnmatch
import json
import re
import tomllib
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
FROM_OUTSIDE = re.compile(r"\$\{[A-Z_]+:\?[^}]+\}")

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
    assert SERVICES["rabbitmq"]["image"] == "rabbitmq:4-management"
    assert SERVICES["postgres"]["image"] == "postgres:17"
    assert len({SERVICES[name]["image"] for name in OURS}) == 1


@each_role
def test_a_role_runs_its_role(name: str) -> None:
    assert SERVICES[name]["command"] == ["run", name]


@each_of_ours
def test_a_command_is_one_that_there_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*SERVICES[name]["command"], "--help"]) == 0
    assert "Usage: portcall" in capsys.readouterr().out


@each_of_ours
def test_a_variable_is_one_that_is_read(name: str) -> None:
    read = {field.alias for field in SETTINGS[name].model_fields.values()}
    common = {field.alias for field in Settings.model_fields.values()}
    assert set(SERVICES[name]["environment"]) <= read | common


@each_role
def test_a_role_has_every_variable_that_it_must_have(name: str) -> None:
    required = {
        field.alias for field in SETTINGS[name].model_fields.values() if field.is_required()
    }
    assert required <= set(SERVICES[name]["environment"])


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
    assert f"http://127.0.0.1:{port}/ready" in SERVICES[name]["healthcheck"]["test"][-1]


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
    for key in ("container_name", "ports", "hostname", "volumes"):
        assert key not in SERVICES[name]


@each_role
def test_a_role_has_the_time_to_end_what_it_does(name: str) -> None:
    timeout_ms = DelivererSettings.model_fields["attempt_timeout_ms"].default
    needed_ms = parse_duration_ms(timeout_ms) + 5_000
    assert parse_duration_ms(SERVICES[name]["stop_grace_period"]) >= needed_ms


def test_only_the_deliverer_and_what_is_published_leave_the_inside() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    leaving = {name for name, service in SERVICES.items() if service["networks"] != ["inside"]}
    assert leaving == {"deliverer", "producer", "management"}


def test_ports_are_published_to_this_machine_alone_unless_told_otherwise() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("${PORTCALL_PUBLISH_ADDRESS:-127.0.0.1}:") for port in ports)


@each_service
def test_nothing_secret_is_in_the_file(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search(r"PASS|TOKEN|SECRET|KEY", variable):
            assert FROM_OUTSIDE.fullmatch(value), variable
        if "://" in str(value):
            password = re.fullmatch(r"[a-z]+://[^:]+:(.+)@[^@]+", value)
            assert password, variable
            assert FROM_OUTSIDE.fullmatch(password[1]), variable


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
    }
    assert used == set(COMPOSE["volumes"])


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
