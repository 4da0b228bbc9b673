"""Imports: many PUTs in one, all or none."""

import time

from portcall.schemas.webhooks import Sku
from tests.unit.management.api import Json, ManagementApi, webhook_body


def items(*names: str, **properties: Json) -> dict[str, Json]:
    return {"value": [{"name": name} | webhook_body(**properties) for name in names]}


async def import_(api: ManagementApi, body: Json, registry: str = "Alpha") -> Json:
    answer = await api.request("POST", f"{api.registry(registry)}/importWebhooks", body)
    assert answer.status == 200, answer.text
    return answer.json


async def test_an_import_says_how_many_were_created_and_replaced(api: ManagementApi) -> None:
    await api.put_webhook("webhook01", portcall={"retrySchedule": "1s"})
    answer = await import_(api, items("WEBHOOK01", "webhook02", "webhook03", scope="x"))
    assert answer == {"created": 2, "replaced": 1}
    rows = api.store.webhooks.list("alpha", limit=10)
    assert [(row.name, row.scope, row.schedule_ms) for row in rows] == [
        ("webhook01", "x", (1000,)),
        ("webhook02", "x", None),
        ("webhook03", "x", None),
    ]
    assert len({row.revision for row in rows}) == 1
    assert api.publisher.announced[-1] == {"v": 1, "revision": rows[0].revision}


async def test_an_import_without_a_location_takes_the_registrys(api: ManagementApi) -> None:
    body = items("webhook01")
    del body["value"][0]["location"]
    await import_(api, body)
    row = api.store.webhooks.get("alpha", "webhook01")
    assert row is not None and row.location == "westus"


async def test_a_refused_import_leaves_nothing(api: ManagementApi) -> None:
    api.store.registries.put(
        "Basic", location="westus", sku=Sku.BASIC, tags={}, resource_group="portcall"
    )
    body = items("webhook01", "webhook02", "webhook03")
    answer = await api.request("POST", f"{api.registry('Basic')}/importWebhooks", body)
    assert answer.error["code"] == "QuotaExceeded"
    assert api.store.webhooks.count("basic") == 0


async def test_an_import_takes_hundreds_at_once(api: ManagementApi) -> None:
    started = time.perf_counter()
    answer = await import_(api, items(*(f"webhook{i}" for i in range(500))))
    assert answer == {"created": 500, "replaced": 0}
    assert time.perf_counter() - started < 2  # it takes about 50 ms


async def test_an_import_can_generate_secrets(api: ManagementApi) -> None:
    await import_(api, items("webhook01", "webhook02", portcall={"secret": "generate"}))
    secrets = {row.secret for row in api.store.webhooks.list("alpha", limit=10)}
    assert len(secrets) == 2 and all(secret.startswith("whsec_") for secret in secrets)
