"""Formats before a receiver that others wrote: Debian's `webhook`, which runs a command per POST.

Each of its hooks prints the fields that it found, and it answers with them; so the records of the
deliverer show what it read. `scripts/webhook-root` unpacks it.
"""

import asyncio
import json
from asyncio.subprocess import DEVNULL, STDOUT
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec import structs

from portcall.cli.ports import HOST, free_ports
from portcall.runtime.clock import now_ms
from portcall.schemas.events import Event
from portcall.schemas.records import Outcome
from tests.integration.deliverer.pipeline import REGISTRY, Pipeline, running_pipeline
from tests.sink import eventually
from tests.unit.deliverer.samples import SECRET
from tests.unit.schemas.formats.samples import DIGEST, event

PROGRAM = Path(__file__).parents[3] / ".cache/webhook/2.8/usr/bin/webhook"
PACKAGE = "package.package_version.container_metadata.tag"
FIELDS: Mapping[str, tuple[str, ...]] = {
    "acr": ("action", "target.repository", "target.tag", "target.digest", "request.host"),
    "ghcr": ("action", "package.namespace", "package.name", f"{PACKAGE}.name", f"{PACKAGE}.digest"),
    "template": ("deploy.image", "deploy.tags.0"),
}
"""What each hook reads; a number is a place in a list."""
FOUND: Mapping[str, tuple[str, ...]] = {
    "acr": ("push", "shop/cart", "2.0.1", DIGEST, "reg.acme.test"),
    "ghcr": ("published", "shop", "cart", "2.0.1", DIGEST),
    "template": ("reg.acme.test/shop/cart:2.0.1", "2.0.1"),
}
TEMPLATE = '{"deploy":{"image":"{{ image }}","tags":["{{ tag }}"]}}'
BY_SECRET = {
    "match": {
        "type": "payload-hmac-sha256",
        "secret": SECRET,
        "parameter": {"source": "header", "name": "X-Hub-Signature-256"},
    }
}
"""As GitHub's receivers check a POST: HMAC-SHA256 of the body, by the secret's whole text."""
IS_PACKAGE = {
    "match": {
        "type": "value",
        "value": "package",
        "parameter": {"source": "header", "name": "X-GitHub-Event"},
    }
}


def hook(name: str) -> dict[str, Any]:
    """A hook that answers with the fields that it reads, one on each line."""
    made: dict[str, Any] = {
        "id": name,
        "execute-command": "/usr/bin/printf",
        "include-command-output-in-response": True,
        "trigger-rule-mismatch-http-response-code": 403,
        "http-methods": ["POST"],
        "pass-arguments-to-command": [
            {"source": "string", "name": r"%s\n"},
            *({"source": "payload", "name": field} for field in FIELDS[name]),
        ],
    }
    if name == "ghcr":
        made["trigger-rule"] = {"and": [IS_PACKAGE, BY_SECRET]}
    return made


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[str]:
    """`webhook` with a hook for each format; gives the URL of its hooks."""
    if not PROGRAM.exists():
        pytest.skip("webhook is not there; scripts/webhook-root 2.8 gets it")
    hooks = tmp_path / "hooks.json"
    hooks.write_text(json.dumps([hook(name) for name in FIELDS]))
    async with _serving(hooks, free_ports(1)[0], tmp_path / "webhook.log") as url:
        yield url


@asynccontextmanager
async def _serving(hooks: Path, port: int, log: Path) -> AsyncIterator[str]:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(PROGRAM, "-hooks", hooks, "-ip", HOST, "-port", str(port), "-verbose"),
            stdin=DEVNULL,
            stdout=output,
            stderr=STDOUT,
        )
    url = f"http://{HOST}:{port}"

    async def answers() -> bool:
        assert process.returncode is None, f"webhook ended; {log} says why"
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                return response.status == 200
        except aiohttp.ClientConnectionError:
            return False

    try:
        await eventually(answers, within_s=20, what="webhook answers")
        yield f"{url}/hooks"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.fixture
async def pipeline(amqp_url: str, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Pipeline]:
    async with running_pipeline(amqp_url, sqlite_url, tmp_path) as made:
        yield made


def formed(pipeline: Pipeline, uri: str, secret: str = "", **wanted: str) -> int:
    webhook_id = pipeline.webhook(uri, secret=secret)
    pipeline.store.webhooks.patch(REGISTRY, pipeline.name_of(webhook_id), format=wanted or None)
    return webhook_id


def pushed() -> Event:
    return structs.replace(event(), registry=REGISTRY, accepted_ms=now_ms())


async def test_it_reads_the_fields_of_each_format(pipeline: Pipeline, receiver: str) -> None:
    async with pipeline.deliverer():
        hooks = {
            "acr": formed(pipeline, f"{receiver}/acr"),
            "ghcr": formed(pipeline, f"{receiver}/ghcr", SECRET, name="ghcr"),
            "template": formed(
                pipeline, f"{receiver}/template", name="template", template=TEMPLATE
            ),
        }
        await pipeline.deliver(*hooks.values(), event=pushed())
        told = {each.record.webhook_id: each.record for each in await pipeline.until_told(3)}
    for name, webhook_id in hooks.items():
        record = told[webhook_id]
        answer = record.detail.answer
        assert answer is not None, record.detail
        assert (record.outcome, answer.status) == (Outcome.DELIVERED, 200), answer
        assert tuple(answer.content.splitlines()) == FOUND[name]


@pytest.mark.parametrize(
    ("secret", "name", "answered"),
    [
        # 2.8.0 answers a wrong signature with 500, and a rule that is not met as it is told to
        (f"{SECRET[:-4]}AAAA", "ghcr", (500, "Error occurred while evaluating hook rules.")),
        ("", "ghcr", (403, "Hook rules were not satisfied.")),
        (SECRET, "harbor", (403, "Hook rules were not satisfied.")),
    ],
    ids=["another secret", "no secret", "a format without the signature"],
)
async def test_it_refuses_what_its_secret_did_not_sign(
    pipeline: Pipeline, receiver: str, secret: str, name: str, answered: tuple[int, str]
) -> None:
    async with pipeline.deliverer():
        wrong = formed(pipeline, f"{receiver}/ghcr", secret, name=name)
        await pipeline.deliver(wrong, event=pushed())
        first, *_ = await pipeline.until_told(1)
    answer = first.record.detail.answer
    assert answer is not None, first.record.detail
    assert first.record.outcome is Outcome.RETRIED
    assert (answer.status, answer.content.strip()) == answered
