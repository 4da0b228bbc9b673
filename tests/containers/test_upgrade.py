"""From the image and the compose.yaml of the last release to today's, with deliveries that wait."""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.containers.stack import Engine, Stack

REGISTRY = "boxes"
API = ("--url", "http://127.0.0.1:8400")
PRODUCER = ("--url", "http://producer:8401")
WAITING = 60
MORE = 40
VARIABLES = {
    "PORTCALL_ALLOW_TARGETS": "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16",
    "PORTCALL_RETRY_SCHEDULE": "1s,2s,5s,10s,10s,10s,30s,30s,30s,60s,60s,60s,60s,60s,60s",
    # The volume of 0.1.0, as docs/operations.md says.
    "PORTCALL_POSTGRES_IMAGE": "postgres:17",
    "PORTCALL_POSTGRES_VOLUME": "/var/lib/postgresql/data",
}
PATIENT = """\
services:
  management: &patient
    healthcheck: {start_period: 600s, start_interval: 3s}
  producer: *patient
  router: *patient
  deliverer: *patient
  recorder: *patient
  rabbitmq: *patient
"""
"""The probes of 0.1.0 cost so much that a busy machine does not become healthy in their time."""


@pytest.fixture
def old(engine: Engine, release: Path, tmp_path: Path) -> Iterator[Stack]:
    """The stack of the last release, not up yet, with its secrets made as its documentation says."""
    if engine.is_podman:
        pytest.skip("the compose.yaml of 0.1.0 was for Docker alone")
    engine.build("old", release)
    patient = tmp_path / "patient.yaml"
    patient.write_text(PATIENT)
    stack = Stack(
        engine,
        tmp_path,
        name="portcall-upgrade",
        variables={**VARIABLES, "PORTCALL_VERSION": "old"},
        file=release / "compose.yaml",
        more=(patient,),
    )
    wanted = re.findall(r"\$\{(PORTCALL_\w+):\?", stack.file.read_text())
    made = {name: secrets.token_hex(24 + 8 * name.endswith("KEY")) for name in wanted}
    stack.variables.update(made)
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in made.items()))
    if not made:
        stack.make_secrets()
    stack.down(volumes=True)
    try:
        yield stack
    finally:
        engine.docker("rm", "--force", stack.consumer_name)
        stack.down(volumes=True)


def audit(stack: Stack, *options: str) -> dict[str, Any]:
    (line,) = stack.portcall("audit", "-r", REGISTRY, *API, *options)["registries"]
    return dict(line)


def emit(stack: Stack, count: int) -> None:
    told = stack.portcall("emit", "-r", REGISTRY, "--count", str(count), *PRODUCER)
    assert told["accepted"] == count


def test_deliveries_that_wait_survive_the_upgrade_from_the_last_release(
    old: Stack, engine: Engine
) -> None:
    old.up()
    uri = old.consumer(status=503)
    old.portcall("registry", "create", REGISTRY, *API)
    old.portcall(
        "webhook", "create", "-r", REGISTRY, "-n", "pushhook", "--uri", uri, "--actions", "push", *API
    )  # fmt: skip
    emit(old, WAITING)
    before = audit(old)
    assert (before["accepted"], before["pending"], before["missing"]) == (WAITING, WAITING, 0)
    engine.docker("rm", "--force", old.consumer_name)
    old.down()

    new = Stack(engine, old.folder, old.name, {**VARIABLES, "PORTCALL_VERSION": "test"})
    new.make_secrets()  # it takes over what .env says
    new.up()
    emit(new, MORE)
    new.consumer()
    after = audit(new, "--wait", "300s")
    assert (after["missing"], after["unexpected"], after["pending"]) == (0, 0, 0), after
    assert (after["accepted"], after["delivered"]) == (WAITING + MORE, WAITING + MORE), after
