"""A webhook is disabled automatically: log, metric, doctor and the operator's webhook tell of it."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
import pytest_asyncio

from tests.installation import Client, Installation, new_name, push_event, running
from tests.sink import Post, Sink, eventually, serve_sink

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = b"k" * 32
SECRET = "whsec_" + base64.b64encode(KEY).decode()
OPS = "/operator"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sink() -> AsyncIterator[Sink]:
    async with serve_sink() as serving:
        yield serving


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq_installed: None, sink: Sink
) -> Iterator[Installation]:
    environ = {
        "PORTCALL_OPERATOR_WEBHOOK_URI": f"{sink.url}{OPS}?key=abc",
        "PORTCALL_OPERATOR_WEBHOOK_SECRET": SECRET,
        "PORTCALL_RETRY_SCHEDULE": "1s",
    }
    with running(tmp_path_factory.mktemp("disabled") / "home", environ) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def asking(installation: Installation) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield Client(installation, session)


def news(sink: Sink, registry: str) -> list[Post]:
    """What the operator was told of a registry."""
    return [
        post
        for post in sink.posts
        if post.path == OPS and json.loads(post.body)["data"]["registry"] == registry
    ]


async def disable(asking: Client, sink: Sink) -> tuple[str, str]:
    """A webhook whose endpoint answers 410."""
    registry = await asking.new_registry()
    path = f"/{new_name('gone')}"
    sink.always(path, 410)
    name = await asking.new_webhook(registry, f"{sink.url}{path}")
    await asking.publish(registry, [push_event(id=f"{registry}-1")])
    await sink.until(1, path=path)
    return registry, name


async def test_it_is_told_in_every_place(
    installation: Installation, asking: Client, sink: Sink
) -> None:
    registry, name = await disable(asking, sink)
    await eventually(lambda: len(news(sink, registry)) == 1, within_s=20, what="the operator knows")
    (post,) = news(sink, registry)
    told = json.loads(post.body)
    assert told["type"] == "portcall.webhook.disabled"
    assert (told["data"]["webhook"], told["data"]["cause"]) == (name, "gone")
    assert "410" in told["data"]["reason"]
    assert told["data"]["enable"] == f"portcall webhook enable -r {registry} -n {name}"
    headers = post.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + post.body
    wanted = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"

    (line,) = [
        json.loads(each)
        for each in installation.log.read_text().splitlines()
        if '"webhook.disabled"' in each and registry in each
    ]
    assert (line["level"], line["registry"], line["webhook"], line["cause"]) == (
        "warning", registry, name, "gone",
    )  # fmt: skip
    code, out, _ = await installation.portcall("doctor", "-o", "json")
    (check,) = [each for each in json.loads(out)["checks"] if each["check"] == "webhooks"]
    assert code == 1 and check["verdict"] == "wrong"
    assert f"{registry}/{name}" in check["found"]
    assert "portcall webhook enable" in check["advice"]
    metrics = ""
    for run_file in (installation.home / "run").glob("*.json"):
        url = json.loads(run_file.read_text())["health_url"]
        async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics") as answer:
            metrics += await answer.text()
    assert f'portcall_webhooks_disabled_total{{cause="gone",registry="{registry}"}} 1.0' in metrics
    assert f'portcall_webhooks_self_disabled{{registry="{registry}"}} 1.0' in metrics
    code, out, err = await installation.portcall(
        "audit", "-r", registry, "--wait", "30s", "--patience", "3s", "-o", "json"
    )
    assert code == 0, out + err


async def test_news_are_not_lost_when_management_dies(
    installation: Installation, asking: Client, sink: Sink
) -> None:
    registry = await asking.new_registry()
    path = f"/{new_name('gone')}"
    sink.always(path, 410)
    await asking.new_webhook(registry, f"{sink.url}{path}")
    (management,) = installation.pids("management")
    os.kill(management, signal.SIGSTOP)
    await asking.publish(registry, [push_event(id=f"{registry}-1")])
    await sink.until(1, path=path)
    await asyncio.sleep(1)
    os.kill(management, signal.SIGKILL)
    await eventually(lambda: len(news(sink, registry)) >= 1, within_s=30, what="the operator knows")
    assert len({post.delivery_id for post in news(sink, registry)}) == 1


async def test_an_operator_who_is_gone_too_makes_no_more_news(
    installation: Installation, asking: Client, sink: Sink
) -> None:
    sink.always(OPS, 410)
    try:
        registry, _ = await disable(asking, sink)
        await eventually(lambda: bool(news(sink, registry)), within_s=20, what="the operator knows")
        await asyncio.sleep(4)
        assert len(news(sink, registry)) == 1
    finally:
        sink.always(OPS, 200)
    code, out, err = await installation.portcall(
        "dead-letters", "list", "-r", registry, "-o", "json"
    )
    assert code == 0, err
    found = json.loads(out)
    assert "operator" in {item["webhook"] for each in found["value"] for item in each["items"]}
    code, out, err = await installation.portcall(
        "dead-letters", "resend", "-r", registry, "--yes", "-o", "json"
    )
    assert code == 0, err
    assert json.loads(out)["sent"] == 1
    await eventually(lambda: len(news(sink, registry)) == 2, within_s=20, what="told at last")
    # The next webhook is told of all the same.
    again, _ = await disable(asking, sink)
    await eventually(lambda: len(news(sink, again)) == 1, within_s=20, what="the operator knows")
