"""Management dies in the middle of sending dead letters again: nothing is lost, and it adds up."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aio_pika
import aiohttp
import pytest
import pytest_asyncio

from portcall.schemas.deliveries import Delivery, delivery_id
from portcall.schemas.frames import decode_deliveries, encode_deliveries
from tests.faults.harness.crashing import CrashPoint, environment, order
from tests.installation import Client, Document, Installation, push_event, running
from tests.sink import Sink, eventually, serve_sink

pytestmark = pytest.mark.asyncio(loop_scope="module")

COUNT = 30
POINTS = [
    CrashPoint("management", "publish", "before", "portcall.deliver"),
    CrashPoint("management", "publish", "under way", "portcall.deliver"),
    CrashPoint("management", "publish", "after", "portcall.deliver"),
    CrashPoint("management", "publish", "before", "portcall.dead"),
    CrashPoint("management", "publish", "after", "portcall.dead"),
    CrashPoint("management", "remove", "before"),
    CrashPoint("management", "remove", "before", number=COUNT // 2),
    CrashPoint("management", "remove", "after", number=COUNT // 2),
    CrashPoint("management", "remove", "after", number=COUNT),
]
QUICK = {POINTS[2], POINTS[6]}


@pytest.fixture(scope="module")
def order_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("crash") / "order"


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, order_file: Path
) -> Iterator[Installation]:
    environ = environment(order_file) | {"PORTCALL_RETRY_SCHEDULE": "1s"}
    with running(tmp_path_factory.mktemp("letters") / "home", environ) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


@pytest_asyncio.fixture(loop_scope="module")
async def sink() -> AsyncIterator[Sink]:
    async with serve_sink() as serving:
        yield serving


async def letters(installation: Installation, registry: str) -> Document | None:
    """What is among the dead of a registry; None: management is away."""
    code, out, _ = await installation.portcall("dead-letters", "list", "-r", registry, "-o", "json")
    return json.loads(out) if code == 0 else None


@pytest.mark.parametrize(
    "point",
    [
        pytest.param(point, id=str(point), marks=[] if point in QUICK else [pytest.mark.long])
        for point in POINTS
    ],
)
async def test_a_death_in_the_middle_loses_nothing(
    installation: Installation,
    http: aiohttp.ClientSession,
    sink: Sink,
    order_file: Path,
    point: CrashPoint,
) -> None:
    client = Client(installation, http)
    registry = await client.new_registry()
    path, other = f"/{registry}", f"/{registry}/other"
    sink.always(path, 503)
    sink.always(other, 503)
    webhook = await client.put_webhook(registry, "broken1", f"{sink.url}{path}")
    await client.new_webhook(registry, f"{sink.url}{other}")
    webhook_id = int(webhook["properties"]["portcall"]["id"])
    ids = [f"{registry}-{number}" for number in range(COUNT)]
    status, answer = await client.publish(registry, [push_event(id=each) for each in ids])
    assert status == 202, answer

    async def all_dead() -> bool:
        found = await letters(installation, registry)
        return found is not None and found["counts"]["letters"] == 2 * COUNT

    await eventually(all_dead, within_s=60, what="every delivery is among the dead")
    if point.exchange == "portcall.dead":
        await two_in_a_letter(installation, client, registry)
    sink.always(path, 200)
    before = len(sink.posts)

    order(order_file, point)
    wanted = ("-r", registry, "-n", "broken1", "--yes")
    code, _, err = await installation.portcall("dead-letters", "resend", *wanted)
    assert order_file.with_suffix(".done").exists(), err
    # Management is gone: nobody knows how far it came. Behind the last letter it may just answer.
    assert code == 1 or point == POINTS[-1]

    async def sent() -> bool:
        code, out, _ = await installation.portcall("dead-letters", "resend", *wanted, "-o", "json")
        return code == 0 and json.loads(out)["removed"] >= 0

    await eventually(sent, within_s=60, what="management is back, and sends the rest")

    async def all_delivered() -> bool:
        records = await client.list_events(registry, "broken1", top=500)
        delivered = {
            each["eventRequestMessage"]["content"]["id"]
            for each in records
            if each["portcall"]["outcome"] == "delivered"
        }
        return delivered == set(ids)

    await eventually(all_delivered, within_s=60, what="every delivery arrives")
    wanted_ids = {delivery_id(each, webhook_id) for each in ids}
    assert {post.delivery_id for post in sink.posts[before:] if post.path == path} == wanted_ids
    left = await letters(installation, registry)
    assert left is not None
    extra = int(point.exchange == "portcall.dead")
    assert left["counts"]["letters"] in (
        COUNT + extra,
        COUNT + 2 * extra,
    )  # of the other webhook, which nobody meant
    assert [each["webhook"] for each in left["counts"]["webhooks"]] != ["broken1"]
    code, out, err = await installation.portcall(
        "audit", "-r", registry, "--wait", "30s", "--patience", "3s", "-o", "json"
    )
    (account,) = json.loads(out)["registries"]
    assert code == 0, err
    assert (account["accepted"], account["delivered"], account["givenUp"]) == (
        2 * COUNT, COUNT, COUNT,
    )  # fmt: skip


async def two_in_a_letter(installation: Installation, client: Client, registry: str) -> None:
    """Add a letter with deliveries for both webhooks, as a poisoned frame has them."""
    _, page = await client.manage(
        "GET", f"/portcall/deadLetters?registry={registry}&%24expand=body&%24top=1"
    )
    event = decode_deliveries(base64.b64decode(page["value"][0]["body"])).events[0]
    webhooks = [int(each["webhookId"]) for each in page["counts"]["webhooks"]]
    body = encode_deliveries([event], [Delivery(0, each, attempt=1) for each in webhooks])
    async with await aio_pika.connect(installation.ready["amqp_url"]) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("portcall.dead")
        await exchange.publish(aio_pika.Message(body, delivery_mode=2), "")
