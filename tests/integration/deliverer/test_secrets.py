"""A webhook's secrets through a deliverer's process: used, rotated, and left behind nowhere."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
import standardwebhooks
from aiohttp import web
from aiohttp.test_utils import TestServer

from portcall.management.webhooks.signing import new_secret
from portcall.schemas.signatures import Scheme
from portcall.store.secrets.key_file import Key
from portcall.store.secrets.vault import Vault
from tests import keys
from tests.canary import Canary, in_files, in_rows
from tests.integration.deliverer.pipeline import REGISTRY, Pipeline, running_pipeline
from tests.sink import Post, Sink, eventually, serve_sink


@pytest.fixture
async def pipeline(amqp_url: str, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Pipeline]:
    async with running_pipeline(amqp_url, sqlite_url, tmp_path) as made:
        yield made


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with serve_sink() as made:
        yield made


def verify(secret: str, post: Post) -> None:
    standardwebhooks.Webhook(secret).verify(post.body, dict(post.headers))


async def test_a_rotation_reaches_a_deliverer_that_runs_and_ends_by_time(
    pipeline: Pipeline, sink: Sink
) -> None:
    old, new = new_secret(Scheme.V1), new_secret(Scheme.V1)
    webhook_id = pipeline.webhook(f"{sink.url}/signed", name="signed", secret=old)
    async with pipeline.deliverer() as role:
        await pipeline.deliver(webhook_id)
        (first,) = await sink.until(1)
        verify(old, first)
        pipeline.store.webhooks.rotate(REGISTRY, "signed", make=lambda _: new, overlap_ms=4_000)

        async def signatures() -> list[str]:
            before = len(sink.posts)
            await pipeline.deliver(webhook_id)
            post = (await sink.until(before + 1))[-1]
            verify(new, post)
            return post.headers["webhook-signature"].split(" ")

        async def is_told() -> bool:
            before = len(sink.posts)
            await pipeline.deliver(webhook_id)
            post = (await sink.until(before + 1))[-1]
            return " " in post.headers["webhook-signature"]

        await eventually(is_told, within_s=3, what="both secrets sign")
        verify(old, sink.posts[-1])

        async def is_over() -> bool:
            return len(await signatures()) == 1

        await eventually(is_over, within_s=8, what="the old secret has ended")
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            verify(old, sink.posts[-1])
    assert role.process.returncode is not None


async def test_no_mark_is_left_anywhere_by_an_endpoint_that_echoes(
    pipeline: Pipeline, canary: Canary, tmp_path: Path
) -> None:
    secret = f"whsec_{base64.b64encode(canary.mark('secret').encode()).decode()}"
    basic = base64.b64encode(f"user:{canary.mark('password')}".encode()).decode()

    async def echo(request: web.Request) -> web.Response:
        told = {"headers": dict(request.headers), "known": secret}
        return web.Response(
            status=500 if request.path == "/fails" else 200,
            text=json.dumps(told),
            headers={
                "X-Echo": request.headers["X-Team-Token"],
                "Set-Cookie": request.headers["X-Team-Token"],
            },
        )

    app = web.Application()
    app.router.add_post("/{path:.*}", echo)
    async with TestServer(app) as server:
        ids = [
            pipeline.webhook(
                str(server.make_url(f"/{path}")),
                secret=secret,
                authorization=f"Basic {basic}",
                headers={
                    "X-Team-Token": canary.mark(f"team-{path}"),
                    "X-Api-Key": canary.mark(f"key-{path}"),
                },
            )
            for path in ("works", "fails")
        ]
        async with pipeline.deliverer({"PORTCALL_LOG_LEVEL": "debug"}) as role:
            await pipeline.deliver(*ids)
            await pipeline.until_told(5)
            await eventually(lambda: bool(pipeline.dead), within_s=10, what="one is given up")
            metrics = await role.metrics()
    pipeline.record_everything()
    places: dict[str, bytes | Iterable[bytes]] = {
        "messages": [*pipeline.frames, *(message.body for message in pipeline.dead)],
        "headers of messages": [repr(message.headers).encode() for message in pipeline.dead],
        "metrics": metrics.encode(),
        "logs": role.output,
        "rows": in_rows(pipeline.store.database),
        "files": in_files(tmp_path),
    }
    assert len(pipeline.frames) >= 2
    assert canary.found(places) == []


async def test_a_deliverer_without_the_databases_key_says_so_and_ends(
    pipeline: Pipeline, sink: Sink
) -> None:
    pipeline.webhook(sink.url, secret=new_secret(Scheme.V1))
    with pytest.raises(AssertionError, match=f"sealed with the key {keys.KEY.id}"):
        async with pipeline.deliverer({"PORTCALL_ENCRYPTION_KEY": "00" * 32}):
            pass


async def test_a_deliverer_takes_a_new_key_out_of_its_file(
    pipeline: Pipeline, sink: Sink, tmp_path: Path
) -> None:
    secret = new_secret(Scheme.V1)
    webhook_id = pipeline.webhook(sink.url, secret=secret)
    file = tmp_path / "keys"
    file.write_text(keys.KEY_TEXT)
    environ = {"PORTCALL_ENCRYPTION_KEY": "", "PORTCALL_ENCRYPTION_KEY_FILE": str(file)}
    newer = Key.of(b"n" * 32)
    async with pipeline.deliverer(environ):
        file.write_text(f"{newer.secret.hex()}\n{keys.KEY_TEXT}\n")
        sealing = type(pipeline.store.sealing)(pipeline.store.database, Vault([newer, keys.KEY]))
        await asyncio.to_thread(lambda: list(sealing.seal_all()))
        await pipeline.deliver(webhook_id)
        (post,) = await sink.until(1)
    verify(secret, post)
