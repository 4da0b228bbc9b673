"""Runs in an environment of the SDK: does what it is told, and prints what came of it as JSON.

    python sdk_worker.py sync|aio < where.json

The same steps for both kinds of client: `done` and `items` take what either gives. Each function
of `STEPS` is one test's worth; an exception of the SDK's becomes an object with its type.
"""

import asyncio
import importlib
import inspect
import json
import os
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.mgmt.containerregistry import models

Facts = dict[str, Any]


class Where:
    """The server, and the modules of one kind of client."""

    def __init__(self, told: Facts, kind: str) -> None:
        suffix = "" if kind == "sync" else ".aio"
        sdk = importlib.import_module(f"azure.mgmt.containerregistry{suffix}")
        self.identity = importlib.import_module(f"azure.identity{suffix}")
        self.make = sdk.ContainerRegistryManagementClient
        self.is_aio = kind == "aio"
        self.told = told
        self.group: str = told["resource_group"]
        self.registry: str = told["registry"]

    def client(self, credential: Any = None, url: str = "") -> Any:  # noqa: ANN401 (of either kind)
        """A client of ours."""
        return self.make(
            credential or self.token(self.told["token"]),
            self.told["subscription"],
            base_url=url or self.told["management_tls_url"],
            connection_verify=self.told["ca_file"],
        )

    def token(self, text: str) -> Any:  # noqa: ANN401 (a credential of either kind)
        """A credential that always has this token."""
        token = AccessToken(text, int(time.time()) + 3600)

        class Fixed:
            def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
                return token

        class AioFixed:
            async def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
                return token

        return AioFixed() if self.is_aio else Fixed()

    def name(self, what: str) -> str:
        """A name of this run's own."""
        return f"{what}{self.told['run']}"


async def done(value: Any) -> Any:  # noqa: ANN401 (whatever a method gives)
    """The result of a method: at once, awaited, or waited for at its poller."""
    if inspect.isawaitable(value):
        value = await value
    if hasattr(value, "polling_method"):
        value = value.result()
        if inspect.isawaitable(value):
            value = await value
    return value


async def items(pages: Any) -> list[Any]:  # noqa: ANN401 (of either kind)
    """Everything of a listing."""
    return [each async for each in pages] if hasattr(pages, "__aiter__") else list(pages)


async def failure(value: Callable[[], Any]) -> Facts:
    """What the SDK makes of an answer that is no success."""
    try:
        await done(value())
    except HttpResponseError as error:
        detail = error.error
        return {
            "type": type(error).__name__,
            "status": error.status_code,
            "code": detail.code if detail else None,
            "message": detail.message if detail else None,
            "target": detail.target if detail else None,
        }
    return {"type": None}


def webhook_facts(webhook: Any) -> Facts:  # noqa: ANN401 (a model)
    """What a webhook's model says."""
    names = ("id", "name", "type", "location", "tags", "status", "scope", "provisioning_state")
    return {name: getattr(webhook, name) for name in names} | {"actions": list(webhook.actions)}


async def registries(where: Where) -> Facts:
    """Every method of registries that is served."""
    client, name = where.client(), where.name("sdkreg")
    at = (where.group, name)
    ask = models.RegistryNameCheckRequest(name=name, type="Microsoft.ContainerRegistry/registries") \
        if hasattr(models, "RegistryNameCheckRequest") \
        else models.RegistryNameCheckRequestParameters(name=name, type="Microsoft.ContainerRegistry/registries")  # fmt: skip
    check = client.registries.check_name_availability
    free = await done(check(ask))
    wanted = models.Registry(location="westus", sku=models.Sku(name="Standard"), tags={"a": "b"})
    made = await done(client.registries.begin_create(*at, wanted))
    taken = await done(check(ask))
    change = models.RegistryUpdateParameters(sku=models.Sku(name="Premium"), tags={"c": "d"})
    changed = await done(client.registries.begin_update(*at, change))
    got = await done(client.registries.get(where.group, name.upper()))
    usages = await done(client.registries.list_usages(*at))
    facts = {
        "free": free.name_available,
        "taken": [taken.name_available, taken.reason],
        "made": [made.name, made.location, made.sku.name, made.sku.tier, made.tags],
        "state": [made.provisioning_state, made.admin_user_enabled, made.login_server],
        "created": made.creation_date.year,
        "changed": [changed.sku.name, changed.tags],
        "got": got.id == made.id == changed.id,
        "listed": name in [each.name for each in await items(client.registries.list())],
        "of_group": name
        in [
            each.name for each in await items(client.registries.list_by_resource_group(where.group))
        ],
        "usages": {each.name: [each.limit, each.current_value, each.unit] for each in usages.value},
        "elsewhere": await failure(
            lambda: client.registries.begin_create(
                *at, models.Registry(location="eastus", sku=models.Sku(name="Basic"))
            )
        ),
    }
    facts["deleted"] = [await done(client.registries.begin_delete(*at)) for _ in range(2)]
    facts["gone"] = await failure(lambda: client.registries.get(*at))
    await done(client.close())
    return facts


async def webhooks(where: Where) -> Facts:
    """Every method of webhooks, from nothing to nothing."""
    client, name = where.client(), where.name("sdkhook")
    at = (where.group, where.registry, name)
    wanted = models.WebhookCreateParameters(
        location=where.told["location"],
        tags={"a": "b"},
        service_uri=where.told["sink"],
        actions=["push", "delete"],
        custom_headers={"X-Team": "web"},
        scope="team/app:*",
        status="enabled",
    )
    made = await done(client.webhooks.begin_create(*at, wanted))
    got = await done(client.webhooks.get(*at))
    config = await done(client.webhooks.get_callback_config(*at))
    change = models.WebhookUpdateParameters(scope="", custom_headers={}, tags={"c": "d"})
    changed = await done(client.webhooks.begin_update(*at, change))
    without = await done(client.webhooks.get_callback_config(*at))
    pinged = await done(client.webhooks.ping(*at))
    facts = {
        "made": webhook_facts(made),
        "got": webhook_facts(got),
        "changed": webhook_facts(changed),
        "config": [config.service_uri, config.custom_headers],
        "without": [without.service_uri, without.custom_headers],
        "listed": [
            webhook_facts(each)
            for each in await items(client.webhooks.list(where.group, where.registry))
            if each.name == name
        ],
        "ping": pinged.id,
        "events": await _events(client, at),
        "deleted": [await done(client.webhooks.begin_delete(*at)) for _ in range(2)],
        "gone": await failure(lambda: client.webhooks.get(*at)),
    }
    await done(client.close())
    return facts


async def _events(client: Any, at: tuple[str, ...]) -> list[Facts]:  # noqa: ANN401 (of either kind)
    """The records of a webhook, when there is one."""
    end = time.monotonic() + 20
    while not (found := await items(client.webhooks.list_events(*at))):
        if time.monotonic() > end:
            break
        await asyncio.sleep(0.1)
    return [
        {
            "id": event.id,
            "action": event.event_request_message.content.action,
            "year": event.event_request_message.content.timestamp.year,
            "method": event.event_request_message.method,
            "uri": event.event_request_message.request_uri,
            "headers": sorted(event.event_request_message.headers),
            "status": event.event_response_message.status_code,
            "reason": event.event_response_message.reason_phrase,
            "outcome": event["portcall"]["outcome"] if hasattr(event, "get") else None,
        }
        for event in found
    ]


async def errors(where: Where) -> Facts:
    """How the answers that are no success reach those who use the SDK."""
    client = where.client()
    at = (where.group, where.registry, "nosuchhook")
    create = client.webhooks.begin_create
    good = {
        "location": where.told["location"],
        "actions": ["push"],
        "service_uri": "http://x.test/",
    }

    def hook(**changes: object) -> Any:  # noqa: ANN401 (a model)
        return models.WebhookCreateParameters(**{**good, **changes})

    facts = {
        "get": await failure(lambda: client.webhooks.get(*at)),
        "update": await failure(
            lambda: client.webhooks.begin_update(*at, models.WebhookUpdateParameters(scope="a"))
        ),
        "ping": await failure(lambda: client.webhooks.ping(*at)),
        "config": await failure(lambda: client.webhooks.get_callback_config(*at)),
        "events": await failure(lambda: items(client.webhooks.list_events(*at))),
        "registry": await failure(
            lambda: create(where.group, "nosuchregistry", "goodhook", hook())
        ),
        "group": await failure(lambda: create("nowhere", where.registry, "goodhook", hook())),
        "name": await failure(lambda: create(where.group, where.registry, "hk", hook())),
        "uri": await failure(
            lambda: create(where.group, where.registry, "goodhook", hook(service_uri="ftp://x"))
        ),
        "action": await failure(
            lambda: create(where.group, where.registry, "goodhook", hook(actions=["pull"]))
        ),
        "location": await failure(
            lambda: create(where.group, where.registry, "goodhook", hook(location="eastus"))
        ),
    }
    await done(client.close())
    stranger = where.client(where.token("no-token-of-anybody"))
    facts["token"] = await failure(lambda: stranger.webhooks.get(*at))
    await done(stranger.close())
    return facts


async def pages(where: Where) -> Facts:
    """The many records of a webhook that the test has made, page by page."""
    client = where.client()
    listed = client.webhooks.list_events(where.group, where.registry, where.told["many"])
    found = [await items(page) for page in await items(listed.by_page())]
    await done(client.close())
    every = [event for page in found for event in page]
    stamps = [event.event_request_message.content.timestamp.isoformat() for event in every]
    return {
        "pages": len(found),
        "tags": sorted({event.event_request_message.content.target.tag for event in every}),
        "count": len(every),
        "newest_first": stamps == sorted(stamps, reverse=True),
    }


async def credentials(where: Where) -> Facts:
    """azure-identity against our authority, in both forms, and with a wrong secret."""
    told, facts = where.told, {}
    make = where.identity.ClientSecretCredential
    for form, tenant in (("guid", told["tenant"]), ("adfs", "adfs")):
        for kind, secret in (("right", told["client_secret"]), ("wrong", "wrong-" * 6)):
            credential = make(
                tenant,
                told["client_id"],
                secret,
                authority=told["management_tls_url"],
                disable_instance_discovery=True,
                connection_verify=told["ca_file"],
            )
            client = where.client(credential)
            at = (where.group, where.registry)
            try:
                facts[f"{form} {kind}"] = (await done(client.registries.get(*at))).name
            except Exception as error:  # noqa: BLE001 (what it is, is what is asked)
                facts[f"{form} {kind}"] = type(error).__name__
            await done(client.close())
            await done(credential.close())
    facts["managed"] = await _managed(where)
    return facts


async def _managed(where: Where) -> str:
    """The managed identity, which azure-identity finds by two variables."""
    os.environ["IDENTITY_ENDPOINT"] = f"{where.told['management_url']}/msi/token"
    os.environ["IDENTITY_HEADER"] = where.told["identity_header"]
    credential = where.identity.ManagedIdentityCredential()
    client = where.client(credential)
    try:
        found: str = (await done(client.registries.get(where.group, where.registry))).name
    except Exception as error:  # noqa: BLE001 (what it is, is what is asked)
        found = type(error).__name__
    await done(client.close())
    await done(credential.close())
    return found


async def plain(where: Where) -> Facts:
    """Over http: refused by the SDK unless each call says that it may."""
    client = where.client(url=where.told["management_url"])
    at = (where.group, where.registry)
    try:
        refused = (await done(client.registries.get(*at))).name
    except Exception as error:  # noqa: BLE001 (what it is, is what is asked)
        refused = type(error).__name__
    allowed = (await done(client.registries.get(*at, enforce_https=False))).name
    await done(client.close())
    return {"refused": refused, "allowed": allowed}


STEPS: tuple[Callable[[Where], Awaitable[Facts]], ...] = (
    registries, webhooks, errors, pages, credentials, plain,
)  # fmt: skip


async def main(kind: str) -> None:
    """Run every step, and print what came of each."""
    where = Where(json.load(sys.stdin), kind)
    facts: Facts = {}
    for step in STEPS:
        try:
            facts[step.__name__] = await step(where)
        except Exception:  # noqa: BLE001 (the test shows it)
            facts[step.__name__] = {"exception": traceback.format_exc()}
    print(json.dumps(facts, default=str))  # noqa: T201 (that is what it is for)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
