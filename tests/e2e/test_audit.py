"""`portcall audit`: it adds up whatever is killed, and shows what was taken away behind its back."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator

import aio_pika
import aiohttp
import pytest

from portcall.schemas.deliveries import delivery_id
from tests.installation import Client, Document, Installation, push_event, running
from tests.sink import Sink, eventually

FAST = ("--patience", "3s", "-o", "json")
"""Attempts take milliseconds here, and nothing is ever in hands for longer."""


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq_installed: None
) -> Iterator[Installation]:
    """With a retry that nobody waits for: what failed once stays on its rung."""
    with running(
        tmp_path_factory.mktemp("audit") / "home", {"PORTCALL_RETRY_SCHEDULE": "1s,5m"}
    ) as started:
        yield started


@pytest.fixture
async def auditing(installation: Installation, http: aiohttp.ClientSession) -> Client:
    return Client(installation, http)


async def audit(
    installation: Installation, registry: str, *arguments: str
) -> tuple[int, Document, str]:
    """Exit code, the judgement, and what was said beside it."""
    code, out, err = await installation.portcall("audit", "-r", registry, *arguments, *FAST)
    assert out, err
    return code, json.loads(out), err


def only(judgement: Document) -> Document:
    (account,) = judgement["registries"]
    assert isinstance(account, dict)
    return account


async def purge(installation: Installation, queue: str) -> None:
    connection = await aio_pika.connect(installation.ready["amqp_url"])
    async with connection:
        channel = await connection.channel()
        found = await channel.get_queue(queue)
        await found.purge()


async def test_it_adds_up_to_the_delivery_though_every_role_is_killed(
    installation: Installation, auditing: Client, sink: Sink
) -> None:
    registry = await auditing.new_registry()
    gone = f"/{registry}/gone"
    sink.always(gone, 410)
    for number in range(3):
        await auditing.put_webhook(registry, f"every{number}", f"{sink.url}/{registry}/{number}")
    await auditing.put_webhook(registry, "goneaway", f"{sink.url}{gone}", scope="gone:*")
    pinged = await auditing.new_webhook(registry, f"{sink.url}/{registry}/p", actions=("delete",))

    async def publish(events: list[Document]) -> None:
        async def accepted() -> bool:
            try:
                return (await auditing.publish(registry, events))[0] == 202
            except aiohttp.ClientError:
                return False  # the producer was killed: nobody knows

        await eventually(accepted, within_s=20, what="the events are accepted")

    for number in range(40):
        if number % 10 == 5:
            for role in ("producer", "router", "deliverer", "recorder"):
                for pid in installation.pids(role):  # none, while it is started again
                    os.kill(pid, signal.SIGKILL)
        await publish([push_event(id=f"{registry}-{number}-{each}") for each in range(5)])
    await publish([push_event("gone", id=f"{registry}-gone")])
    nobody = push_event(id=f"{registry}-nobody") | {"action": "chart_push"}
    await publish([nobody])
    code, _, err = await installation.portcall("webhook", "ping", "-r", registry, "-n", pinged)
    assert code == 0, err

    code, judgement, err = await audit(installation, registry, "--wait", "60s")

    assert code == 0, err
    account = only(judgement)
    assert account["pending"] == account["missing"] == account["unexpected"] == 0
    # A request that a killed producer left unanswered is published again, as another event.
    again = account["events"] - (200 + 3)
    assert 0 <= again <= 5 * 4
    assert account["noMatch"] == 1
    assert account["givenUp"] == 1
    assert account["delivered"] == 3 * (200 + 1 + again) + 1
    assert account["accepted"] == account["delivered"] + 2
    assert "It adds up" in err


async def test_deliveries_that_vanish_from_a_rung_are_missing_by_name(
    installation: Installation, auditing: Client, sink: Sink
) -> None:
    registry = await auditing.new_registry()
    sink.always(f"/{registry}", 500)
    made = await auditing.put_webhook(registry, "failing", f"{sink.url}/{registry}")
    webhook_id = int(made["properties"]["portcall"]["id"])
    await asyncio.sleep(2)
    events = [push_event(id=f"{registry}-{number}") for number in range(3)]
    await auditing.publish(registry, events)
    await sink.until(6, path=f"/{registry}")

    code, judgement, err = await audit(installation, registry)
    assert (code, only(judgement)["pending"]) == (0, 3), err

    await purge(installation, "portcall.wait.5m")
    await asyncio.sleep(3)  # until then an attempt may just have ended
    code, judgement, err = await audit(installation, registry)

    assert code == 1
    account = only(judgement)
    assert (account["accepted"], account["missing"], account["pending"]) == (3, 3, 0)
    wanted = {delivery_id(event["id"], webhook_id) for event in events}
    assert {each["deliveryId"] for each in judgement["wrong"]} == wanted
    assert {each["doubt"] for each in judgement["wrong"]} == {"notRetried"}
    assert all(identifier in err for identifier in wanted)
    assert "It does not add up" in err


async def test_events_that_vanish_before_a_router_has_them_are_missing(
    installation: Installation, auditing: Client, sink: Sink
) -> None:
    registry = await auditing.new_registry()
    await auditing.new_webhook(registry, f"{sink.url}/{registry}")
    (router,) = installation.pids("router")
    os.kill(router, signal.SIGSTOP)
    try:
        for number in range(148):  # a router takes 128 frames
            # Two events: one would take no router.
            ids = [f"{registry}-{number}", f"{registry}-{number}b"]
            status, _ = await auditing.publish(registry, [push_event(id=each) for each in ids])
            assert status == 202
        await purge(installation, "portcall.events.in")
    finally:
        os.kill(router, signal.SIGCONT)

    async def found() -> bool:
        _, judgement, _ = await audit(installation, registry)
        return bool(only(judgement)["missing"] == 40)

    await eventually(found, within_s=60, what="40 events are missing")
    code, judgement, err = await audit(installation, registry)
    account = only(judgement)
    assert (code, account["delivered"], account["missing"]) == (1, 256, 40), err
    named = {each["eventId"] for each in judgement["wrong"]}
    lost = {f"{registry}-{number}{end}" for number in range(128, 148) for end in ("", "b")}
    assert named <= lost
    assert len(named) == 20, "so many are listed"


async def test_without_a_recorder_nothing_can_be_said(
    installation: Installation, auditing: Client
) -> None:
    (recorder,) = installation.pids("recorder")
    os.kill(recorder, signal.SIGSTOP)
    try:
        code, out, err = await installation.portcall("audit", *FAST)
    finally:
        os.kill(recorder, signal.SIGCONT)
    assert (code, out) == (2, "")
    assert "the recorder is more than 10 s behind" in err.lower()


async def test_the_accounts_are_metrics(
    installation: Installation, auditing: Client, sink: Sink, http: aiohttp.ClientSession
) -> None:
    registry = await auditing.new_registry()
    await auditing.new_webhook(registry, f"{sink.url}/{registry}")
    await auditing.publish(registry, [push_event(id=f"{registry}-{each}") for each in range(7)])
    await sink.until(7, path=f"/{registry}")
    (run_file,) = (installation.home / "run").glob("management*.json")
    health = json.loads(run_file.read_text())["health_url"]

    async def shown() -> bool:
        async with http.get(f"{health}/metrics") as response:
            text = await response.text()
        return f'portcall_audit_deliveries{{registry="{registry}",state="delivered"}} 7.0' in text

    # The pause between audits is 20 times as long as the last audit: on a slow machine, minutes.
    await eventually(shown, within_s=240, what="the audit's gauges have seven deliveries")


async def test_what_a_replay_delivers_is_not_given_up_any_more(
    installation: Installation, auditing: Client, sink: Sink
) -> None:
    registry = await auditing.new_registry()
    path = f"/{registry}"
    sink.answer(path, 500)
    await auditing.put_webhook(
        registry, "replayed", f"{sink.url}{path}", portcall={"retrySchedule": []}
    )
    await asyncio.sleep(2)
    await auditing.publish(registry, [push_event(id=f"{registry}-1")])
    await sink.until(1, path=path)

    async def account(expected: dict[str, int]) -> bool:
        _, judgement, _ = await audit(installation, registry)
        return expected.items() <= only(judgement).items()

    given_up = {"givenUp": 1, "delivered": 0, "accepted": 1}
    await eventually(lambda: account(given_up), within_s=20, what="it is given up")
    await asyncio.sleep(6)  # settled for good
    code, _, err = await installation.portcall("replay", "-r", registry, "--yes")
    assert code == 0, err
    await sink.until(2, path=path)
    delivered = {"givenUp": 0, "delivered": 1, "accepted": 1}
    await eventually(lambda: account(delivered), within_s=20, what="it is delivered")
