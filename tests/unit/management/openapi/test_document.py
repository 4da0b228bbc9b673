"""The OpenAPI document against the routes, and against the models that read requests."""

import pytest
from pydantic import BaseModel

from portcall.management.http.bodies import parse_body
from portcall.management.openapi.document import document, rows
from portcall.management.openapi.operation_rows import Row
from tests.unit.management.api import ManagementApi

TAKING = [row for _, row in rows() if row.method != "GET"]


def test_the_operations_are_the_routes(api: ManagementApi) -> None:
    told = [(row.method, row.path) for _, row in rows()]
    assert sorted(told) == sorted(
        (route.method, route.path) for route in [*api.routes, *api.open_routes]
    )


@pytest.mark.parametrize("row", TAKING, ids=lambda row: row.id)
async def test_a_request_is_described_by_the_model_that_reads_it(
    api: ManagementApi, row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.put_webhook()
    asked: list[type[BaseModel]] = []

    def read(model: type[BaseModel], content: bytes) -> BaseModel:
        asked.append(model)
        return parse_body(model, content)

    monkeypatch.setattr("portcall.management.http.calls.parse_body", read)
    names = {
        "subscription": api.installation.subscription,
        "group": "portcall",
        "registry": "Alpha",
        "webhook": "webhook01",
        "replay": "1",
        "source": "here",
        "client": "nobody",
        "letter": "nobody",
        "tenant": api.installation.tenant,
    }
    await api.request(row.method, row.path.format(**names), [])
    takes_json = row.body is not None and issubclass(row.body, BaseModel)
    assert asked == ([row.body] if takes_json else [])


async def test_strangers_may_read_the_document(api: ManagementApi) -> None:
    answer = await api.request("GET", "/openapi.json", token=None, query="")
    assert (answer.status, answer.json) == (200, document())
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
