"""Every command of `az acr webhook`, as Microsoft's pages use it."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.azure.az import Az
from tests.installation import Client, Document, Installation, new_name, push_event
from tests.sink import Answer, Sink, eventually

URI = "http://127.0.0.1:9/hook"
HEADERS = {"X-Team": "web front", "X-Empty": ""}
TAGS = {"a": "b", "c": ""}
NONE = object()
"""It is left out."""


@pytest.fixture
async def hook(az: Az, registry: str, client: Client) -> str:
    """A webhook that has everything that a webhook can have; not made by az, which takes longer."""
    name = new_name("azhook")
    await client.put_webhook(
        registry, name, URI, actions=("push", "delete"), customHeaders=HEADERS,
        scope="team/app:*", status="disabled",
    )  # fmt: skip
    path = f"{client.registry_path(registry)}/webhooks/{name}"
    assert (await client.manage("PATCH", path, {"tags": TAGS}))[0] == 200
    return name


def test_create_and_show_give_the_whole_webhook(
    az: Az, registry: str, pipeline: Installation
) -> None:
    name = new_name("azhook")
    at = ("-r", registry, "-g", "portcall", "-n", name)
    made = az.webhook(
        "create", *at, "--uri", URI, "--actions", "push", "delete",
        "--headers", "X-Team=web front", "X-Empty", "--scope", "team/app:*",
        "--status", "disabled", "--tags", "a=b", "c",
    ).json  # fmt: skip
    subscription = pipeline.ready["subscription"]
    assert made == {
        "actions": ["push", "delete"],
        "id": f"/subscriptions/{subscription}/resourceGroups/portcall/providers"
        f"/Microsoft.ContainerRegistry/registries/{registry}/webhooks/{name}",
        "location": made["location"],
        "name": name,
        "provisioningState": "Succeeded",
        "resourceGroup": "portcall",
        "scope": "team/app:*",
        "status": "disabled",
        "systemData": None,
        "tags": TAGS,
        "type": "Microsoft.ContainerRegistry/registries/webhooks",
    }
    assert az.webhook("show", *at).json == made
    assert az.webhook("get-config", *at).json == {"serviceUri": URI, "customHeaders": HEADERS}


def test_what_is_left_out_has_acrs_defaults(az: Az, registry: str) -> None:
    name = new_name("azhook")
    made = az.webhook(
        "create", "--registry", registry, "--name", name, "--uri", URI, "--actions", "push"
    ).json
    assert (made["scope"], made["status"], made["tags"]) == ("", "enabled", {})
    assert made["location"] == az.acr("show", "-n", registry).json["location"]
    config = az.webhook("get-config", "-r", registry, "-n", name).json
    assert config == {"customHeaders": None, "serviceUri": URI}


def test_the_tables_are_azs(az: Az) -> None:
    registry = new_name("aztables")
    made = az.acr("create", "-n", registry, "-g", "portcall", "--sku", "Basic", "-l", "West US")
    assert made.json["location"] == "westus"
    at = ("-r", registry, "-n", "tablehook")
    assert az.webhook("list", "-r", registry, "-o", "table").table in ([], [""])
    first = az.webhook(
        "create", *at, "--uri", URI, "--actions", "push", "DELETE", "--headers", "A=b",
        "-l", "West US", "-o", "table",
    )  # fmt: skip
    expected = [
        "NAME       LOCATION    ACTIONS             SCOPE    STATUS",
        "---------  ----------  ------------------  -------  --------",
        "tablehook  westus      ['push', 'delete']           enabled",
    ]
    assert first.table == expected
    assert az.webhook("list", "-r", registry, "-o", "table").table == expected
    assert az.webhook("show", *at, "-o", "table").table == expected
    assert az.webhook("update", *at, "--scope", "a:b", "--status", "disabled", "-o", "table").table == [
        "NAME       LOCATION    ACTIONS             SCOPE    STATUS",
        "---------  ----------  ------------------  -------  --------",
        "tablehook  westus      ['push', 'delete']  a:b      disabled",
    ]  # fmt: skip
    assert az.webhook("get-config", *at, "-o", "table").table == [
        f"SERVICE URI{' ' * (len(URI) - 11)}  HEADERS",
        f"{'-' * len(URI)}  ----------",
        f"{URI}  {{'A': 'b'}}",
    ]


@pytest.mark.parametrize(
    ("flags", "changed", "config"),
    [
        pytest.param(("--uri", "https://x.example/"), {}, {"serviceUri": "https://x.example/"}, id="uri"),
        pytest.param(("--actions", "chart_push", "quarantine"), {"actions": ["quarantine", "chart_push"]}, {}, id="actions"),
        pytest.param(("--headers", "B=c"), {}, {"customHeaders": {"B": "c"}}, id="headers"),
        pytest.param(("--headers", ""), {}, {"customHeaders": NONE}, id="no headers"),
        pytest.param(("--status", "enabled"), {"status": "enabled"}, {}, id="status"),
        pytest.param(("--scope", ""), {"scope": ""}, {}, id="no scope"),
        pytest.param(("--tags", "z=1"), {"tags": {"z": "1"}}, {}, id="tags"),
        pytest.param(("--tags", ""), {"tags": {}}, {}, id="no tags"),
        pytest.param(("--set", "properties.scope=x"), {"scope": "x"}, {}, id="set"),
        pytest.param(("--set", "tags.k=v"), {"tags": {"k": "v"}}, {}, id="set of a map"),
        pytest.param(("--actions", "push", "--add", "properties.actions", "quarantine"), {"actions": ["push", "quarantine"]}, {}, id="add"),
        pytest.param(
            ("--scope", "x:y", "--tags", "k=v", "--remove", "properties.scope"), {"tags": {"k": "v"}}, {},
            id="remove",
        ),
    ],
)  # fmt: skip
async def test_update_changes_what_is_told_and_nothing_else(
    az: Az, registry: str, client: Client, hook: str, *,
    flags: tuple[str, ...], changed: Document, config: Document,
) -> None:  # fmt: skip
    path = f"{client.registry_path(registry)}/webhooks/{hook}"
    ended = await asyncio.to_thread(az.webhook, "update", "-r", registry, "-n", hook, *flags)
    properties = {"actions": ["push", "delete"], "scope": "team/app:*", "status": "disabled"}
    expected = {**properties, "tags": TAGS, **changed}
    assert {name: ended.json[name] for name in expected} == expected
    _, kept = await client.manage("GET", path)
    assert {**kept["properties"], "tags": kept["tags"]}.items() >= expected.items()
    _, asked = await client.manage("POST", f"{path}/getCallbackConfig")
    wanted = {"serviceUri": URI, "customHeaders": HEADERS, **config}
    assert asked == {name: value for name, value in wanted.items() if value is not NONE}


async def test_a_ping_is_posted_and_listed_as_acr_lists_it(
    az: Az, registry: str, sink: Sink
) -> None:
    at = ("-r", registry, "-n", new_name("azhook"))
    sink.always("/hook", Answer(status=403, body=b"no", headers={"Content-Type": "text/plain"}))
    made = await asyncio.to_thread(
        az.webhook, "create", *at, "--uri", f"{sink.url}/hook", "--actions", "push",
        "--headers", "key=value", "Authorization=Bearer s3cret",
    )  # fmt: skip
    assert made.code == 0, made.err
    pinged = (await asyncio.to_thread(az.webhook, "ping", *at)).json
    [post, *_] = await sink.until(1)
    assert post.json["id"] == pinged["id"]
    assert post.json["action"] == "ping"
    assert post.headers["Authorization"] == "Bearer s3cret"
    [record, *_] = await listed(az, at, bool)
    request, response = record["eventRequestMessage"], record["eventResponseMessage"]
    assert record["id"] == pinged["id"] == request["content"]["id"]
    assert request["content"]["action"] == "ping"
    assert (request["method"], request["requestUri"]) == ("POST", f"{sink.url}/hook")
    assert request["headers"]["key"] == "value"
    assert request["headers"]["Content-Type"] == "application/json; charset=utf-8"
    assert "s3cret" not in str(record)
    assert (response["statusCode"], response["reasonPhrase"]) == ("403", "Forbidden")
    assert response["content"] == "no"
    [header, rule, row, *_] = (
        await asyncio.to_thread(az.webhook, "list-events", *at, "-o", "table")
    ).table
    assert header.split("  ")[0] == "ID"
    assert re.split(r" {2,}", header) == ["ID", "ACTION", "IMAGE", "HTTP STATUS", "TIMESTAMP"]
    assert set(rule) == {"-", " "}
    stamp = request["content"]["timestamp"]
    assert row.split() == [pinged["id"], "ping", "403", "Forbidden", f"{stamp[:19]}Z"]


async def listed(
    az: Az, at: tuple[str, ...], enough: Callable[[list[Document]], object]
) -> list[Document]:
    """What list-events shows, as soon as it is *enough*."""
    records: list[Document] = []

    async def there() -> bool:
        nonlocal records
        records = (await asyncio.to_thread(az.webhook, "list-events", *at)).json
        return bool(enough(records))

    await eventually(there, within_s=20, what="the records are listed")
    return records


async def test_az_follows_the_links_of_many_pages(
    az: Az, registry: str, client: Client, sink: Sink
) -> None:
    name = await client.new_webhook(registry, f"{sink.url}/many")
    events = [push_event(tag=f"v{number}") for number in range(250)]
    assert (await client.publish(registry, events))[0] == 202
    await sink.until(250, path="/many")
    records = await listed(az, ("-r", registry, "-n", name), lambda found: len(found) >= 250)
    tags = {record["eventRequestMessage"]["content"]["target"]["tag"] for record in records}
    assert tags == {f"v{number}" for number in range(250)}
    assert len({record["id"] for record in records}) == 250


async def test_an_endpoint_that_does_not_answer_has_an_empty_status(
    az: Az, registry: str, client: Client
) -> None:
    name = await client.new_webhook(registry, "http://127.0.0.1:9/nobody")
    at = ("-r", registry, "-n", name)
    pinged = (await asyncio.to_thread(az.webhook, "ping", *at, "-o", "table")).table
    assert pinged[0] == "ID"
    await listed(az, at, bool)
    [_, _, row, *_] = (await asyncio.to_thread(az.webhook, "list-events", *at, "-o", "table")).table
    assert row.split()[:2] == [pinged[2], "ping"]
    assert len(row.split()) == 3


async def test_the_tables_of_portcall_are_those_of_az(
    az: Az, registry: str, client: Client, sink: Sink, pipeline: Installation
) -> None:
    name = await client.new_webhook(registry, f"{sink.url}/both", customHeaders=HEADERS)
    at = ("-r", registry, "-n", name)
    path = f"{client.registry_path(registry)}/webhooks/{name}"
    assert (await client.manage("POST", f"{path}/ping"))[0] == 200
    assert (await client.publish(registry, [push_event()]))[0] == 202
    await listed(az, at, lambda records: len(records) == 2)
    for command in ("show", "get-config"):
        ours = await pipeline.portcall("webhook", command, *at, "-o", "table")
        theirs = await asyncio.to_thread(az.webhook, command, *at, "-o", "table")
        assert (theirs.code, theirs.out) == ours[:2]
    code, out, _ = await pipeline.portcall("webhook", "list-events", *at, "-o", "table")
    theirs = await asyncio.to_thread(az.webhook, "list-events", *at, "-o", "table")
    assert theirs.code == code
    for line, first in zip(out.splitlines(), theirs.out.splitlines(), strict=True):
        assert line.startswith(first)  # the attempt, its outcome and the reason follow
    assert out.splitlines()[0].split()[-3:] == ["ATTEMPT", "OUTCOME", "REASON"]


def test_names_are_found_however_they_are_written(az: Az, registry: str, hook: str) -> None:
    shown = az.webhook("show", "-r", registry.upper(), "-g", "PORTCALL", "-n", hook.upper()).json
    assert shown["name"] == hook
    suffixed = az.webhook("show", "-r", f"{registry}.azurecr.io", "-n", hook)
    assert suffixed.json == {**shown, "resourceGroup": suffixed.json["resourceGroup"]}


async def test_az_lists_as_many_webhooks_as_a_registry_may_have(
    az: Az, client: Client, pipeline: Installation, tmp_path: Path
) -> None:
    registry = await client.new_registry()
    entries = [
        {"name": f"hook{number:03}", "properties": {"serviceUri": URI, "actions": ["push"]}}
        for number in range(500)
    ]
    file = tmp_path / "hooks.jsonl"
    file.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    code, _, err = await pipeline.portcall("webhook", "import", str(file), "-r", registry)
    assert code == 0, err
    listed = (await asyncio.to_thread(az.webhook, "list", "-r", registry)).json
    assert [each["name"] for each in listed] == [entry["name"] for entry in entries]


def test_delete_asks_nothing_and_may_be_repeated(az: Az, registry: str, hook: str) -> None:
    at = ("-r", registry, "-n", hook)
    for _ in range(2):
        assert az.webhook("delete", *at).out == ""
    gone = az.webhook("show", *at)
    assert (gone.code, gone.out) == (3, "")
    assert gone.err == (
        "ERROR: (ResourceNotFound) The Resource"
        f" 'Microsoft.ContainerRegistry/registries/{registry}/webhooks/{hook}' under resource group"
        " 'portcall' was not found.\n"
        "Code: ResourceNotFound\n"
        f"Message: The Resource 'Microsoft.ContainerRegistry/registries/{registry}/webhooks/{hook}'"
        " under resource group 'portcall' was not found.\n"
    )


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        pytest.param(("show", "-n", "gonehook"), 3, "webhooks/gonehook'", id="show"),
        pytest.param(("update", "-n", "gonehook", "--scope", "a"), 3, "webhooks/gonehook'", id="update"),
        pytest.param(("ping", "-n", "gonehook"), 3, "webhooks/gonehook'", id="ping"),
        pytest.param(("get-config", "-n", "gonehook"), 3, "webhooks/gonehook'", id="get-config"),
        pytest.param(("list-events", "-n", "gonehook"), 3, "webhooks/gonehook'", id="list-events"),
        pytest.param(("show", "-g", "nowhere", "-n", "gonehook"), 3, "(ResourceGroupNotFound) Resource group 'nowhere'", id="no group"),
        pytest.param(("create", "-n", "hk", "--uri", URI, "--actions", "push"), 1, "name", id="short name"),
        pytest.param(("create", "-n", "good-hook", "--uri", URI, "--actions", "push"), 1, "name", id="bad name"),
        pytest.param(("create", "-n", "goodhook", "--uri", "ftp://x", "--actions", "push"), 1, "properties.serviceUri", id="bad uri"),
        pytest.param(("create", "-n", "goodhook", "--uri", URI, "--actions", "push", "--scope", "A B"), 1, "properties.scope", id="bad scope"),
        pytest.param(("create", "-n", "goodhook", "--uri", URI, "--actions", "push", "--headers", "A B=c"), 1, "properties.customHeaders", id="bad header"),
        pytest.param(("create", "-n", "goodhook", "--uri", URI, "--actions", "pull"), 2, "'pull' is not a valid value for '--actions'", id="no action"),
        pytest.param(("create", "-n", "goodhook", "--actions", "push"), 2, "--uri", id="no uri"),
        pytest.param(("list", "--bogus"), 2, "--bogus", id="no flag"),
        pytest.param(("create", "-n", "goodhook", "--uri", URI, "--actions", "push", "-l", "Atlantis"), 1, "(LocationNotAvailableForResourceType)", id="no location"),
        pytest.param(("create", "-n", "goodhook", "--uri", URI, "--actions", "push", "-l", "East US"), 3, "(RegistryResourceNotFound)", id="another location"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_azs_exit_codes(
    az: Az, registry: str, command: tuple[str, ...], code: int, told: str
) -> None:
    ended = az.webhook(*command, "-r", registry)
    assert (ended.code, ended.out) == (code, ""), ended.err
    assert told in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("group", "code", "told"),
    [
        pytest.param(
            (), 1,
            "ERROR: The resource with name 'nosuchregistry' and type"
            " 'Microsoft.ContainerRegistry/registries' could not be found in subscription",
            id="searched",
        ),
        pytest.param(("-g", "portcall"), 3, "(ResourceNotFound)", id="asked for"),
    ],
)  # fmt: skip
def test_an_unknown_registry(az: Az, group: tuple[str, ...], code: int, told: str) -> None:
    ended = az.webhook("list", "-r", "nosuchregistry", *group)
    assert ended.code == code
    assert told in ended.err


def test_a_basic_registry_has_two_webhooks(az: Az) -> None:
    registry = new_name("azbasic")
    az.acr("create", "-n", registry, "-g", "portcall", "--sku", "Basic")
    last = None
    for number in range(3):
        last = az.webhook(
            "create", "-r", registry, "-n", f"limit{number}", "--uri", URI, "--actions", "push"
        )
    assert last is not None
    assert last.code == 1
    assert last.err.startswith(
        "ERROR: (QuotaExceeded) Quota exceeded for resource type webhooks for the registry SKU Basic."
    )
