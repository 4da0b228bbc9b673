"""The chart's manifests as pods of Podman: events through, pods killed, and each role replaced.

The tests of this module share their pods, and run in their order.
"""

from collections.abc import Iterator

import pytest

from tests.containers.pods import REGISTRY, ROLES, PodOfScript, Pods, servers_up, until
from tests.containers.servers import NODES
from tests.containers.stack import Engine

EVENTS = 300


@pytest.fixture(scope="module")
def pods(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pods]:
    """Broker and database; the first test starts the roles."""
    with servers_up(engine, tmp_path_factory.mktemp("pods")) as pods:
        yield pods


def test_the_setup_runs_twice_and_every_pod_gets_ready(pods: Pods) -> None:
    for number in (1, 2):
        pods.setup(number)
    for role in ROLES:
        for _ in range(pods.deployment(role)["replicas"]):
            pods.start(role)
    assert all(pods.is_ready(each) for those in pods.running.values() for each in those)


def test_a_pod_has_the_rights_that_the_chart_gives(pods: Pods) -> None:
    for role in ROLES:
        told = pods.inspect(pods.container(pods.running[role][0]))
        assert told["Config"]["User"] in {"10001", "10001:10001"}
        assert told["HostConfig"]["ReadonlyRootfs"] is True
        assert not told["EffectiveCaps"]
        assert told["HostConfig"]["Memory"] == 512 * 1024**2


def test_events_reach_a_consumer_once(pods: Pods) -> None:
    pods.begin_client()
    pods.portcall("registry", "create", REGISTRY)
    pods.portcall(
        "webhook", "create", "-r", REGISTRY, "-n", "pushhook", "--uri", "http://consumer:7000/",
        "--actions", "push",
    )  # fmt: skip
    pods.emit(EVENTS)
    assert pods.drained()["delivered"] == EVENTS
    posts = pods.posts()
    assert (len(posts), posts.total()) == (EVENTS, EVENTS)


@pytest.mark.parametrize("kind", [*ROLES, "rabbitmq", "postgres"])
def test_a_killed_pod_comes_back_and_nothing_is_lost(pods: Pods, kind: str) -> None:
    before = pods.drained()["delivered"]
    pods.emit(EVENTS)
    container = {"rabbitmq": f"{NODES[0]}-{NODES[0]}", "postgres": "postgres-postgres"}.get(kind)
    container = container or pods.container(pods.running[kind][0])
    pid = pods.kill(container)
    until(f"{container} runs again", lambda: pods.is_again(container, pid))
    until("the broker is whole", pods.broker_is_whole)
    until("the database answers", pods.database_answers)
    until(
        "every pod is ready",
        lambda: all(pods.is_ready(each) for those in pods.running.values() for each in those),
    )
    pods.emit(EVENTS)
    assert pods.drained()["delivered"] == before + 2 * EVENTS


def test_every_role_is_replaced_under_load_and_nothing_is_lost_or_doubled(pods: Pods) -> None:
    before, posts_before = pods.drained()["delivered"], pods.posts()
    with pods.load() as load:
        for role in ROLES:
            for old in list(pods.running[role]):
                replace(pods, role, old)
    assert pods.drained()["delivered"] == before + load.events
    fresh = pods.posts() - posts_before
    assert (len(fresh), fresh.total()) == (load.events, load.events)


def replace(pods: Pods, role: str, old: PodOfScript) -> None:
    """As the Deployment's strategy says: the new pod first."""
    assert pods.deployment(role)["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
    }
    pods.start(role)
    pods.end_well(role, old)
