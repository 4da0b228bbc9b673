"""The pods of the last release are replaced one by one under load, with both versions side by side."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.containers.older import OLDER, older
from tests.containers.pods import REGISTRY, ROLES, PodOfScript, Pods, servers_up, until
from tests.containers.stack import Engine

WORK = {
    "router": "portcall_deliveries_routed_total",
    "deliverer": "portcall_attempts_total",
}
"""Roles that share their work by the broker's queues, and the metric of it."""
IN_FORCE_S = 2.0
"""After that, every role knows a new webhook."""
PAUSE_S = 3.0
EVENTS = 60


@pytest.fixture
def pods(engine: Engine, release: Path, tmp_path: Path) -> Iterator[Pods]:
    """The last release: every role, two consumers and their webhooks."""
    with servers_up(engine, tmp_path) as pods:
        engine.build("old", release)
        pods.once(OLDER, "topology", "apply")
        for role in reversed(ROLES):  # management first: it makes the tables
            for _ in range(1 if role == "recorder" else 2):  # there was no second recorder
                pods.start(role, older)
        pods.begin_client()
        pods.consumer("moody", "--fail-rate", "0.2")
        first = pods.running["management"][0]
        pods.portcall_in(first, "registry", "create", REGISTRY)
        for name in ("consumer", "moody"):
            create_webhook(pods, first, REGISTRY, name)
        yield pods


def create_webhook(pods: Pods, management: PodOfScript, registry: str, consumer: str) -> None:
    pods.portcall_in(
        management, "webhook", "create", "-r", registry, "-n", f"{consumer}hook",
        "--uri", f"http://{consumer}:7000/", "--actions", "push",
    )  # fmt: skip


def test_both_versions_work_side_by_side_and_an_upgrade_under_load_loses_and_doubles_nothing(
    pods: Pods,
) -> None:
    olds = {role: list(those) for role, those in pods.running.items()}
    with pods.load() as load:
        until("the older version has routed events", lambda: load.rounds > 0)
        pods.setup(1)
        for role in ROLES:
            pods.start(role)
        events = all_work(pods)
        extra = sum(each_knows_what_the_other_one_made(pods, olds["management"][0]))
        for role, those in olds.items():
            for old in those:
                pods.end_well(role, old)
                if len(pods.running[role]) < pods.deployment(role)["replicas"]:
                    pods.start(role)
    events += load.events
    assert pods.drained()["delivered"] == 2 * events
    posts = pods.posts()
    assert (len(posts), posts.total()) == (events + extra, events + extra)
    retried = pods.posts("moody")
    assert (len(retried), retried.total()) == (events, events)


def all_work(pods: Pods) -> int:
    """Wait until each pod works, of both versions; gives how many events that took."""
    producers = pods.running["producer"]
    for pod in producers:
        pods.emit(EVENTS, producer=pods.address(pod))
    for role, name in WORK.items():
        for pod in pods.running[role]:
            until(f"{pod.name} works", partial(works, pods, pod, name))
    return EVENTS * len(producers)


def works(pods: Pods, pod: PodOfScript, name: str) -> bool:
    """Whether it has done something in the last seconds."""
    before = pods.metric(pod, name)
    time.sleep(PAUSE_S)
    return pods.metric(pod, name) > before


def each_knows_what_the_other_one_made(pods: Pods, old: PodOfScript) -> Iterator[int]:
    """A webhook of each version's management gets its events, and both list the same records."""
    new = pods.running["management"][-1]
    for registry, maker in (("byolder", old), ("bynewer", new)):
        pods.portcall_in(maker, "registry", "create", registry)
        create_webhook(pods, maker, registry, "consumer")
        time.sleep(IN_FORCE_S)
        pods.emit(EVENTS, registry=registry)
        assert pods.drained(registry)["delivered"] == EVENTS
        asked = ("webhook", "list-events", "-r", registry, "-n", "consumerhook")
        listed = [{each["id"] for each in pods.portcall_in(pod, *asked)} for pod in (old, new)]
        assert listed[0] == listed[1]
        assert len(listed[0]) == EVENTS
        yield EVENTS
