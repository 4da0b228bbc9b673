"""Service URIs reach a receiver that signs its URLs byte for byte, by whatever way they were set."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portcall.schemas.formats.heads import USER_AGENT
from tests.installation import IN_FORCE_S, Client, Installation, new_name, push_event
from tests.integration.deliverer.endpoints import Endpoint
from tests.signedtargets import RESTS, is_signed, signed, signed_targets, target_of
from tests.sink import eventually

TARGETS = {f"hook{number:02}": signed(rest) for number, rest in enumerate(RESTS.values(), 1)}
FLOW = TARGETS["hook01"]


@pytest.fixture
async def receiver() -> AsyncIterator[Endpoint]:
    async with signed_targets() as serving:
        yield serving


def uri_of(receiver: Endpoint, target: str) -> str:
    return f"http://127.0.0.1:{receiver.port}{target}"


async def ping(client: Client, registry: str, name: str) -> None:
    path = f"{client.registry_path(registry)}/webhooks/{name}/ping"
    status, answer = await client.manage("POST", path)
    assert status == 200, answer


async def shown(client: Client, registry: str, name: str) -> str:
    path = f"{client.registry_path(registry)}/webhooks/{name}/getCallbackConfig"
    status, config = await client.manage("POST", path)
    assert status == 200, config
    return str(config["serviceUri"])


async def arrived(receiver: Endpoint, *targets: str) -> None:
    """Wait for as many requests, and see that they are those."""
    await eventually(
        lambda: len(receiver.requests) >= len(targets), within_s=20, what="they arrived"
    )
    assert sorted(map(target_of, receiver.requests)) == sorted(targets)
    assert all(map(is_signed, receiver.requests))
    receiver.requests.clear()


async def test_by_the_api_by_an_export_and_by_an_import(
    pipeline: Installation, client: Client, receiver: Endpoint, tmp_path: Path
) -> None:
    registry, other = await client.new_registry(), await client.new_registry()
    for name, target in TARGETS.items():
        await client.put_webhook(registry, name, uri_of(receiver, target))
        assert await shown(client, registry, name) == uri_of(receiver, target)
        await ping(client, registry, name)
    await arrived(receiver, *TARGETS.values())

    await asyncio.sleep(IN_FORCE_S)
    assert (await client.publish(registry, [push_event()]))[0] == 202
    await arrived(receiver, *TARGETS.values())
    for name, target in TARGETS.items():

        async def both_recorded(name: str = name) -> bool:
            return len(await client.list_events(registry, name)) == 2

        await eventually(both_recorded, within_s=20, what="both are recorded")
        for record in await client.list_events(registry, name):
            assert record["eventRequestMessage"]["requestUri"] == uri_of(receiver, target)
            assert record["eventRequestMessage"]["headers"]["User-Agent"] == USER_AGENT
            assert record["eventResponseMessage"]["statusCode"] == "200"

    file = tmp_path / "webhooks.jsonl"
    code, _, err = await pipeline.portcall("webhook", "export", str(file), "-r", registry)
    assert code == 0, err
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    exported = {line["name"]: line["properties"]["serviceUri"] for line in lines}
    assert exported == {name: uri_of(receiver, target) for name, target in TARGETS.items()}
    code, _, err = await pipeline.portcall("webhook", "import", str(file), "-r", other)
    assert code == 0, err
    for name, target in TARGETS.items():
        assert await shown(client, other, name) == uri_of(receiver, target)
        await ping(client, other, name)
    await arrived(receiver, *TARGETS.values())


async def test_by_a_patch_and_by_the_command_line(
    pipeline: Installation, client: Client, receiver: Endpoint
) -> None:
    registry = await client.new_registry()
    at = ("-r", registry, "-n", "clihook")
    code, _, err = await pipeline.portcall(
        "webhook", "create", *at, "--actions", "push", "--uri", uri_of(receiver, FLOW)
    )
    assert code == 0, err
    code, out, err = await pipeline.portcall("webhook", "get-config", *at, "-o", "json")
    assert (code, json.loads(out)["serviceUri"]) == (0, uri_of(receiver, FLOW)), err
    await ping(client, registry, "clihook")
    await arrived(receiver, FLOW)

    dots = TARGETS["hook07"]
    code, _, err = await pipeline.portcall(
        "webhook", "update", *at, "--uri", uri_of(receiver, dots)
    )
    assert code == 0, err
    await asyncio.sleep(IN_FORCE_S)
    await ping(client, registry, "clihook")
    await arrived(receiver, dots)

    path = f"{client.registry_path(registry)}/webhooks/clihook"
    for target in TARGETS.values():
        change = {"properties": {"serviceUri": uri_of(receiver, target)}}
        assert (await client.manage("PATCH", path, change))[0] == 200
        assert await shown(client, registry, "clihook") == uri_of(receiver, target)
        await asyncio.sleep(IN_FORCE_S)
        await ping(client, registry, "clihook")
        await arrived(receiver, target)


async def test_by_a_retry_and_by_a_replay(
    pipeline: Installation, client: Client, receiver: Endpoint
) -> None:
    """A wrong signature is refused, given up and, when the URI is right, replayed."""
    registry, name = await client.new_registry(), new_name("hook")
    wrong = f"/{'0' * 64}/a/../b%2f?"
    await client.put_webhook(
        registry, name, uri_of(receiver, wrong), portcall={"retrySchedule": ["1s"]}
    )
    await asyncio.sleep(IN_FORCE_S)
    assert (await client.publish(registry, [push_event()]))[0] == 202
    await eventually(lambda: len(receiver.requests) == 2, within_s=20, what="it was retried")
    assert [target_of(each) for each in receiver.requests] == [wrong] * 2
    receiver.requests.clear()

    async def is_given_up() -> bool:
        records = await client.list_events(registry, name)
        return any(each["portcall"]["outcome"] == "given_up" for each in records)

    await eventually(is_given_up, within_s=20, what="it was given up")
    right = signed("/a/../b%2f?")
    await client.put_webhook(registry, name, uri_of(receiver, right))
    await asyncio.sleep(IN_FORCE_S)
    code, _, err = await pipeline.portcall("replay", "-r", registry, "-n", name, "--yes")
    assert code == 0, err
    await arrived(receiver, right)


@pytest.mark.parametrize("way", [[], ["--through"]], ids=["directly", "through the pipeline"])
async def test_by_the_load_test(
    pipeline: Installation, receiver: Endpoint, tmp_path: Path, way: list[str]
) -> None:
    report = tmp_path / "report.json"
    code, out, err = await pipeline.portcall(
        "loadtest", "--uri", uri_of(receiver, FLOW), "--rate", "10", "--duration", "1s", "--quiet",
        "--max-lag", "10s", "-o", f"json={report}", *way,
    )  # fmt: skip
    assert code == 0, out + err
    assert json.loads(report.read_text())["portcall"]["about"]["uri"] == uri_of(receiver, FLOW)
    assert {received.headers["user-agent"] for received in receiver.requests} == {USER_AGENT}
    await arrived(receiver, *[FLOW] * 10)


async def test_what_is_set_beyond_ascii_is_shown_and_sent_encoded(
    client: Client, receiver: Endpoint
) -> None:
    registry = await client.new_registry()
    target = signed("/%C3%BC%E2%82%AC?%2f")
    given = uri_of(receiver, target).replace("%C3%BC%E2%82%AC", "\u00fc\u20ac")
    await client.put_webhook(registry, "umlaut", given)
    assert await shown(client, registry, "umlaut") == uri_of(receiver, target)
    await ping(client, registry, "umlaut")
    await arrived(receiver, target)


async def test_what_is_exported_can_be_imported_at_the_limit_too(
    pipeline: Installation, client: Client, tmp_path: Path
) -> None:
    registry = await client.new_registry()
    path = f"{client.registry_path(registry)}/webhooks/longest"
    start = "https://\u00fc:pw@consumer.example/"
    room = 2048 - len("https://%C3%BC:pw@consumer.example/")
    for number, status in ((room // 9, 200), (room // 9 + 1, 400)):
        uri = start + "\u20ac" * number
        body = {"location": "local", "properties": {"serviceUri": uri, "actions": ["push"]}}
        assert (await client.manage("PUT", path, body))[0] == status
    before = await shown(client, registry, "longest")
    assert 2039 < len(before) <= 2048
    file = tmp_path / "webhooks.jsonl"
    for verb in ("export", "import"):
        code, _, err = await pipeline.portcall("webhook", verb, str(file), "-r", registry)
        assert code == 0, err
    assert await shown(client, registry, "longest") == before
