"""compose.yaml on a real engine: healthy, delivering, closed to the inside, and losing nothing.

The tests of this module share one stack, and run in their order.
"""

import json
import re
import time
from typing import Any

import pytest

from tests.containers.stack import Stack

REGISTRY = "boxes"
ROLES = ("producer", "router", "deliverer", "recorder", "management")
EVENTS = 300


def emit(stack: Stack, count: int = EVENTS, rate: float = 0) -> None:
    told = stack.portcall(
        "emit", "-r", REGISTRY, "--count", str(count), "--rate", str(rate), "--repositories", "5"
    )
    assert told["accepted"] == count


def audit(stack: Stack, *options: str) -> dict[str, Any]:
    """The registry's line of an audit. It fails if something is missing."""
    told = stack.portcall("audit", "-r", REGISTRY, *options)
    (line,) = told["registries"]
    return dict(line)


def drained(stack: Stack) -> dict[str, Any]:
    """Wait until nothing is pending; the registry's line, which adds up."""
    line = audit(stack, "--wait", "300s")
    assert (line["missing"], line["unexpected"], line["pending"]) == (0, 0, 0)
    return line


@pytest.mark.brief
def test_every_service_is_healthy_within_a_minute_or_so(stack: Stack) -> None:
    health = {each["Service"]: each["Health"] for each in stack.containers()}
    assert {health[name] for name in (*ROLES, "rabbitmq", "postgres")} == {"healthy"}
    assert len(stack.containers("router")) == 2
    assert len(stack.containers("deliverer")) == 3


@pytest.mark.brief
def test_no_secret_is_in_what_an_engine_shows(stack: Stack) -> None:
    secrets = {
        value
        for file in (stack.folder / "secrets").iterdir()
        for value in re.findall(r"[0-9a-f]{48,}", file.read_text())
    }
    assert len(secrets) == 4
    shown = stack.compose("config")
    for container in stack.containers():
        shown += stack.engine.docker("inspect", str(container["ID"]))
    assert not [secret for secret in secrets if secret in shown]


@pytest.mark.brief
def test_doctor_runs_in_managements_container(stack: Stack) -> None:
    told = stack.compose(
        "exec", "-T", "management", "sh", "-c", "portcall doctor -o json || [ $? = 1 ]"
    )
    checks = {each["check"]: each for each in json.loads(told)["checks"]}
    wrong = {name: each for name, each in checks.items() if each["verdict"] == "wrong"}
    assert wrong == {}
    assert checks["broker"]["verdict"] == "ok"


@pytest.mark.brief
def test_events_reach_a_consumer_and_the_audit_adds_up(stack: Stack) -> None:
    uri = stack.consumer()
    stack.portcall("registry", "create", REGISTRY)
    stack.portcall(
        "webhook", "create", "-r", REGISTRY, "-n", "pushhook", "--uri", uri, "--actions", "push"
    )
    emit(stack)
    assert drained(stack)["delivered"] == EVENTS


def test_the_console_and_tls_by_name(stack: Stack) -> None:
    page = stack.engine.near("curl", "--silent", "--location", "http://127.0.0.1:8400/console")
    assert "<title>" in page
    ca = stack.folder / "ca.pem"
    stack.compose("cp", "management:/var/lib/portcall/tls/ca.pem", str(ca))
    for name in ("portcall.example", "management", "localhost"):
        answer = stack.engine.near(
            "curl", "--silent", "--fail", "--cacert", str(ca), "--resolve",
            f"{name}:8443:127.0.0.1", f"https://{name}:8443/ready",
        )  # fmt: skip
        assert answer


@pytest.mark.parametrize(
    "target",
    [
        "http://rabbitmq:15672/",
        "http://rabbitmq:15692/metrics",
        "http://postgres:5432/",
        "http://management:8400/",
        "http://management:9000/metrics",
        "http://producer:8401/",
        "http://10.213.2.1:8400/",
        "http://10.213.1.1:8401/",
    ],
)
def test_no_allowed_target_reaches_a_role_the_broker_or_the_store(
    stack: Stack, target: str
) -> None:
    name = "own" + re.sub(r"\W", "", target)[4:].replace("metrics", "m")
    stack.portcall(
        "webhook", "create", "-r", REGISTRY, "-n", name, "--uri", target, "--actions", "delete"
    )
    try:
        stack.portcall("webhook", "ping", "-r", REGISTRY, "-n", name)
        events = wait_for_events(stack, name)
        assert all('"failure": "blocked_address"' in json.dumps(each) for each in events), events
    finally:
        stack.compose(
            "exec", "-T", "management", "portcall", "webhook", "delete", "-r", REGISTRY, "-n", name
        )


def wait_for_events(stack: Stack, name: str) -> list[dict[str, Any]]:
    end = time.monotonic() + 30
    while not (events := stack.portcall("webhook", "list-events", "-r", REGISTRY, "-n", name)):
        assert time.monotonic() < end, "no attempt was recorded"
        time.sleep(0.5)
    return list(events)


def test_the_brokers_alarm_stands_below_the_containers_limit(stack: Stack) -> None:
    watermark = stack.compose(
        "exec", "-T", "rabbitmq", "rabbitmqctl", "eval", "vm_memory_monitor:get_memory_limit()."
    )
    assert int(watermark) < 0.7 * 2 * 1024**3


def test_under_the_brokers_alarm_the_producer_says_503_and_when_to_try_again(stack: Stack) -> None:
    control = ("exec", "-T", "rabbitmq", "rabbitmqctl", "set_vm_memory_high_watermark")
    token = (stack.folder / "secrets" / "token").read_text().strip()
    body = {
        "events": [
            {
                "action": "push",
                "target": {
                    "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "repository": "alarm",
                    "digest": f"sha256:{'a' * 64}",
                    "tag": "v1",
                },
            }
        ]
    }
    stack.compose(*control, "absolute", "50MB")
    try:
        end = time.monotonic() + 60
        while True:
            answer = stack.engine.near(
                "curl", "--silent", "--include", "--max-time", "20",
                "--header", f"Authorization: Bearer {token}",
                "--header", "Content-Type: application/vnd.docker.distribution.events.v1+json",
                "--data", json.dumps(body), f"http://127.0.0.1:8401/registries/{REGISTRY}/notifications",
            )  # fmt: skip
            if " 503 " in answer.splitlines()[0]:
                break
            assert time.monotonic() < end, answer
            time.sleep(0.5)
        assert re.search(r"^retry-after: \d+", answer, re.IGNORECASE | re.MULTILINE), answer
    finally:
        stack.compose(*control, "0.6")
    for container in stack.containers("rabbitmq"):
        state = json.loads(stack.engine.docker("inspect", str(container["ID"])))[0]["State"]
        assert (state["OOMKilled"], state["Running"]) == (False, True)
    stack.wait(60, "after the alarm", "rabbitmq", "producer")
    emit(stack, 20)


@pytest.mark.parametrize(
    "service",
    [
        pytest.param("deliverer", marks=pytest.mark.brief),
        "rabbitmq",
        "postgres",
        "producer",
        "router",
    ],
)
def test_a_killed_service_comes_back_and_nothing_is_lost(stack: Stack, service: str) -> None:
    emit(stack)
    stack.engine.docker("start", stack.kill(service))  # `restart` does not count a kill by hand
    stack.wait(120, f"after the kill of {service}", *ROLES, "rabbitmq", "postgres")
    emit(stack)
    drained(stack)


@pytest.mark.brief
def test_what_waits_is_delivered_after_down_and_up(stack: Stack) -> None:
    before = drained(stack)["delivered"]
    stack.engine.docker("rm", "--force", stack.consumer_name)
    emit(stack, 50)
    assert audit(stack)["pending"] == 50
    stack.down()
    stack.up()
    stack.consumer()
    assert drained(stack)["delivered"] == before + 50


@pytest.mark.brief
def test_every_container_stops_in_good_order(stack: Stack) -> None:
    stack.compose("stop")
    codes = {each["Service"]: each["ExitCode"] for each in stack.containers()}
    assert {name: code for name, code in codes.items() if code} == {}
