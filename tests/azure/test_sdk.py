"""azure-mgmt-containerregistry, the oldest and the newest that is supported, sync and aio."""

import asyncio
import itertools
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.azure.az import clean_environ
from tests.azure.conftest import IDENTITY_HEADER, need
from tests.installation import Client, Document, Installation, push_event
from tests.sink import Sink, eventually

WORKER = Path(__file__).with_name("sdk_worker.py")
MANY = 230
KINDS = list(itertools.product(("azure-sdk-10", "azure-sdk"), ("sync", "aio")))
_facts: dict[tuple[str, str], Document] = {}
_runs = itertools.count(1)

Ask = Callable[[str], Document]


@pytest.fixture(params=KINDS, ids=lambda each: f"{each[0]}-{each[1]}", scope="session")
def kind(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The environment, and the kind of client in it."""
    found: tuple[str, str] = request.param
    return found


@pytest.fixture
async def facts(
    kind: tuple[str, str], pipeline: Installation, client: Client, sink: Sink
) -> Document:
    """What came of every step in one run of the worker; each kind runs once."""
    if kind not in _facts:
        python = need(kind[0])
        registry, many = await prepared(client, sink)
        told = {
            **pipeline.ready,
            "registry": registry,
            "location": "local",
            "many": many,
            "sink": f"{sink.url}/sdk",
            "run": next(_runs),
            "identity_header": IDENTITY_HEADER,
        }
        _facts[kind] = await asyncio.to_thread(run, python, kind[1], told)
        _facts[kind]["told"] = told
        _facts[kind]["posts"] = [post.json for post in sink.at("/sdk")]
    return _facts[kind]


async def prepared(client: Client, sink: Sink) -> tuple[str, str]:
    """A registry, and a webhook of it that has many records."""
    registry = await client.new_registry()
    name = await client.new_webhook(registry, f"{sink.url}/many")
    events = [push_event(tag=f"v{number:03}") for number in range(MANY)]
    assert (await client.publish(registry, events))[0] == 202

    async def listed() -> bool:
        return len(await client.list_events(registry, name)) >= MANY

    await eventually(listed, within_s=30, what="every record")
    return registry, name


def run(python: Path, kind: str, told: Document) -> Document:
    done = subprocess.run(  # noqa: S603 (our own program)
        [python, "-W", "error::ResourceWarning", WORKER, kind],
        env=clean_environ(),
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    found: Document = json.loads(done.stdout)
    return found


def step(facts: Document, name: str) -> Document:
    found: Document = facts[name]
    assert "exception" not in found, found["exception"]
    return found


def test_registries(facts: Document) -> None:
    found = step(facts, "registries")
    assert found["free"] is True
    assert found["taken"] == [False, "AlreadyExists"]
    name = found["made"][0]
    assert found["made"] == [name, "westus", "Standard", "Standard", {"a": "b"}]
    assert found["state"][:2] == ["Succeeded", False]
    assert found["state"][2].startswith(name)
    assert found["changed"] == ["Premium", {"c": "d"}]
    assert found["got"] is found["listed"] is found["of_group"] is True
    assert found["usages"]["Webhooks"] == [500, 0, "Count"]
    assert found["elsewhere"]["type"] == "ResourceExistsError"
    assert found["elsewhere"]["code"] == "InvalidResourceLocation"
    assert found["deleted"] == [None, None]
    assert found["gone"]["type"] == "ResourceNotFoundError"


def test_webhooks(facts: Document) -> None:
    found, told = step(facts, "webhooks"), facts["told"]
    made = found["made"]
    assert made == {
        "id": f"/subscriptions/{told['subscription']}/resourceGroups/{told['resource_group']}"
        f"/providers/Microsoft.ContainerRegistry/registries/{told['registry']}"
        f"/webhooks/{made['name']}",
        "name": made["name"],
        "type": "Microsoft.ContainerRegistry/registries/webhooks",
        "location": told["location"],
        "tags": {"a": "b"},
        "status": "enabled",
        "scope": "team/app:*",
        "provisioning_state": "Succeeded",
        "actions": ["push", "delete"],
    }
    assert found["got"] == made
    changed = {**made, "scope": "", "tags": {"c": "d"}}
    assert found["changed"] == changed
    assert found["listed"] == [changed]
    assert found["config"] == [told["sink"], {"X-Team": "web"}]
    assert found["without"] == [told["sink"], None]
    assert found["deleted"] == [None, None]
    assert found["gone"]["type"] == "ResourceNotFoundError"


def test_a_ping_is_an_event(facts: Document, kind: tuple[str, str]) -> None:
    keeps_extras = kind[0] == "azure-sdk"
    found = step(facts, "webhooks")
    [event, *_] = found["events"]
    assert event.pop("year") > 2000
    assert "Content-Type" in event.pop("headers")
    assert event == {
        "id": found["ping"],
        "action": "ping",
        "method": "POST",
        "uri": facts["told"]["sink"],
        "status": "200",
        "reason": "OK",
        "outcome": "delivered" if keeps_extras else None,
    }
    assert found["ping"] in [post["id"] for post in facts["posts"]]


@pytest.mark.parametrize(
    ("case", "kind_of_error", "status", "code"),
    [
        ("get", "ResourceNotFoundError", 404, "ResourceNotFound"),
        ("update", "ResourceNotFoundError", 404, "ResourceNotFound"),
        ("ping", "ResourceNotFoundError", 404, "ResourceNotFound"),
        ("config", "ResourceNotFoundError", 404, "ResourceNotFound"),
        ("events", "ResourceNotFoundError", 404, "ResourceNotFound"),
        ("registry", "ResourceNotFoundError", 404, "ParentResourceNotFound|ResourceNotFound"),
        ("group", "ResourceNotFoundError", 404, "ResourceGroupNotFound"),
        ("name", "HttpResponseError", 400, ""),
        ("uri", "HttpResponseError", 400, ""),
        ("action", "HttpResponseError", 400, ""),
        ("location", "ResourceNotFoundError", 404, "RegistryResourceNotFound"),
        ("token", "ClientAuthenticationError", 401, "InvalidAuthenticationToken"),
    ],
)
def test_errors(facts: Document, case: str, kind_of_error: str, status: int, code: str) -> None:
    found = step(facts, "errors")[case]
    assert (found["type"], found["status"]) == (kind_of_error, status), found
    assert not code or found["code"] in code.split("|")
    assert found["code"]
    assert found["message"]


def test_many_pages(facts: Document) -> None:
    found = step(facts, "pages")
    assert found["count"] == MANY
    assert found["tags"] == [f"v{number:03}" for number in range(MANY)]
    assert found["pages"] >= 3


def test_azure_identity(facts: Document) -> None:
    registry = facts["told"]["registry"]
    assert step(facts, "credentials") == {
        "guid right": registry,
        "guid wrong": "ClientAuthenticationError",
        "adfs right": registry,
        "adfs wrong": "ClientAuthenticationError",
        "managed": registry,
    }


def test_plain_http(facts: Document) -> None:
    registry = facts["told"]["registry"]
    found = step(facts, "plain")
    assert found == {"refused": found["refused"], "allowed": registry}
    assert found["refused"] != registry
