"""`portcall up --compact`: one process with all roles does the main job, and loses nothing."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.test_up import BACK_S, ROLES, STOP_S, all_ready
from tests.installation import Client, Installation, push_event
from tests.metrics import described
from tests.sink import Answer, Sink, eventually, serve_sink

HOSTED = [role for role in ROLES if role != "rabbitmq"]


@pytest.fixture(scope="module")
def compact(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq_installed: None
) -> Iterator[Installation]:
    installation = Installation(
        tmp_path_factory.mktemp("compact") / "home", arguments=("--compact",)
    )
    installation.start()
    yield installation
    installation.clean_up()
    assert installation.left_over() == []


@pytest.fixture
def client(compact: Installation, http: aiohttp.ClientSession) -> Client:
    return Client(compact, http)


@pytest.fixture
async def consumer() -> AsyncIterator[Sink]:
    async with serve_sink() as sink:
        yield sink


def process_of(compact: Installation) -> int:
    """The pid that all roles have."""
    pids = {pid for role in HOSTED for pid in compact.pids(role)}
    assert len(pids) == 1
    return pids.pop()


async def metrics_of(compact: Installation, role: str, http: aiohttp.ClientSession) -> str:
    url = json.loads((compact.home / "run" / f"{role}-1.json").read_text())["health_url"]
    async with http.get(f"{url}/metrics") as response:
        return await response.text()


async def test_ready_json_names_every_role_with_the_pid_of_the_process(
    compact: Installation, http: aiohttp.ClientSession
) -> None:
    assert [entry["role"] for entry in compact.ready["processes"]] == ROLES
    process = process_of(compact)
    assert process not in compact.pids("rabbitmq")
    for role in HOSTED:
        told = json.loads((compact.home / "run" / f"{role}-1.json").read_text())
        assert (told["role"], told["pid"]) == (role, process)
    assert await all_ready(compact, http)


async def test_an_event_is_delivered_and_listed_and_each_role_counts_its_own(
    compact: Installation, client: Client, consumer: Sink, http: aiohttp.ClientSession
) -> None:
    registry = await client.new_registry()
    webhook = await client.new_webhook(registry, f"{consumer.url}/hook")
    assert (await client.publish(registry, [push_event(id="one")]))[0] == 202
    (post,) = await consumer.until(1, path="/hook")
    assert post.json["id"] == "one"

    async def listed() -> bool:
        return len(await client.list_events(registry, webhook)) == 1

    await eventually(listed, within_s=10, what="list-events shows the attempt")
    shown = {role: await metrics_of(compact, role, http) for role in HOSTED}
    assert 'portcall_attempts_total{outcome="delivered"} 1.0' in shown["deliverer"]
    only = {
        "producer": "portcall_producer_events",
        "router": "portcall_router_webhooks",
        "deliverer": "portcall_attempts",
        "recorder": "portcall_recorder_records_pruned",
        "management": "portcall_followers",
    }
    for role, metric in only.items():
        having = {
            other for other in HOSTED if any(metric in each for each in described(shown[other]))
        }
        assert having == {role}, metric
    published = 'portcall_publishes_total{exchange="portcall.events",result="confirmed"}'
    values = {
        role: float(line.split()[1])
        for role, text in shown.items()
        for line in text.splitlines()
        if line.startswith(published)
    }
    assert values.pop("producer") == 1.0
    assert not any(values.values()), "the other roles published no event"


async def test_its_log_lines_have_the_roles(compact: Installation) -> None:
    lines = [json.loads(line) for line in compact.log.read_text().splitlines() if line[:1] == "{"]
    started = {line["role"] for line in lines if line["event"] == "server.started"}
    assert started == set(HOSTED)


async def test_a_kill_of_the_process_loses_nothing_and_it_is_back(
    compact: Installation, client: Client, consumer: Sink, http: aiohttp.ClientSession
) -> None:
    registry = await client.new_registry()
    webhook = await client.new_webhook(registry, f"{consumer.url}/kept")
    before = process_of(compact)
    consumer.always("/kept", Answer(after_s=0.05))
    accepted: list[str] = []
    for batch in range(10):
        names = [f"kept-{batch}-{number}" for number in range(20)]
        assert (await client.publish(registry, [push_event(id=name) for name in names]))[0] == 202
        accepted += names
    os.kill(before, signal.SIGKILL)
    await eventually(
        lambda: compact.pids("router") not in ([], [before]),
        within_s=BACK_S,
        what="a new process in ready.json",
    )
    await eventually(lambda: all_ready(compact, http), within_s=40, what="all roles are ready")

    def delivered() -> bool:
        return set(accepted) <= {post.json["id"] for post in consumer.at("/kept")}

    await eventually(delivered, within_s=60, what="everything that was accepted is delivered")

    async def listed() -> bool:
        records = await client.list_events(registry, webhook)
        shown = {each["eventRequestMessage"]["content"]["id"] for each in records}
        return set(accepted) <= shown

    await eventually(listed, within_s=30, what="list-events shows every delivery")

    async def adds_up() -> bool:
        code, out, _ = await compact.portcall("audit", "-o", "json")
        return code == 0 and json.loads(out).get("lost", 0) == 0

    await eventually(adds_up, within_s=30, what="the audit adds up")


async def test_a_stop_ends_what_is_in_flight_and_repeats_nothing(
    compact: Installation, client: Client, consumer: Sink
) -> None:
    registry = await client.new_registry()
    webhook = await client.new_webhook(registry, f"{consumer.url}/slow")
    consumer.always("/slow", Answer(after_s=2.0))
    assert (await client.publish(registry, [push_event(id="in-flight")]))[0] == 202
    await consumer.until(1, path="/slow")
    began = time.monotonic()
    assert await asyncio.to_thread(compact.stop, within_s=STOP_S) == 0
    assert time.monotonic() - began > 1.5, "what was in flight has ended first"
    assert not (compact.home / "ready.json").exists()
    assert list((compact.home / "run").glob("*.json")) == []
    assert compact.left_over() == []

    compact.start()  # not in a thread: its end would end the process

    async def listed() -> bool:
        return len(await client.list_events(registry, webhook)) == 1

    await eventually(listed, within_s=10, what="list-events shows the attempt")
    assert len(consumer.at("/slow")) == 1, "no duplicate from a stop"


async def test_an_installation_changes_its_form_at_a_restart(
    compact: Installation, client: Client, consumer: Sink
) -> None:
    registry = await client.new_registry()
    await client.new_webhook(registry, f"{consumer.url}/form")
    assert await asyncio.to_thread(compact.stop, within_s=STOP_S) == 0
    several = Installation(compact.home, compact.environ)
    try:
        several.start()
        assert len({pid for role in HOSTED for pid in several.pids(role)}) == len(HOSTED)
        assert (await client.publish(registry, [push_event(id="several")]))[0] == 202
        await consumer.until(1, path="/form")
    finally:
        await asyncio.to_thread(several.clean_up)
    compact.start()  # not in a thread: its end would end the process
    process_of(compact)


async def test_wrong_options_are_told_before_anything_starts(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "home")
    code, _, err = await installation.portcall("up", "--compact", "--routers", "2")
    assert code == 2
    assert "--compact runs one router and one deliverer" in err
    assert not (tmp_path / "home" / "rabbitmq").exists()
