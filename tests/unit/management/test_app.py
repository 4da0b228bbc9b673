"""What all routes share: headers, the log line, and what becomes of an exception."""

import uuid

import pytest
from structlog.testing import capture_logs

from portcall.runtime.http.clients import MAX_FAILURES
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.webhooks import Sku
from portcall.store.database.database import Database
from portcall.store.engine import Store
from portcall.store.errors import (
    QuotaExceededError,
    RegistryNotFoundError,
    SealedError,
    StoreUnavailableError,
    UnstorableError,
)
from tests.unit.management.api import VERSION, ManagementApi


def fail_with(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def reading(_database: Database) -> object:
        raise error

    monkeypatch.setattr(Database, "reading", reading)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StoreUnavailableError("no route to db.internal"), 503, "ServiceUnavailable"),
        (SealedError("the key ab, which sealed the secret"), 503, "ServiceUnavailable"),
        (ValueError("a bug with a secret"), 500, "InternalServerError"),
        (RecursionError(), 500, "InternalServerError"),
        (InvalidValueError("scope", "is wrong"), 400, "InvalidRequestContent"),
        (QuotaExceededError("Alpha", Sku.BASIC, 2), 403, "QuotaExceeded"),
        (RegistryNotFoundError("Alpha"), 404, "ResourceNotFound"),
        (UnstorableError("an integer of over 64 bits"), 400, "InvalidRequestContent"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
async def test_an_exception_becomes_an_envelope(
    api: ManagementApi,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    code: str,
) -> None:
    fail_with(monkeypatch, error)
    with capture_logs() as lines:
        answer = await api.request("GET", api.webhook("webhook01"))
    assert (answer.status, answer.error["code"]) == (status, code)
    if isinstance(error, InvalidValueError):
        assert answer.error["target"] == "scope"
    assert "Retry-After" not in answer.headers
    assert "internal" not in answer.error["message"] and "secret" not in answer.text
    failed = [line for line in lines if line["event"] == "request.failed"]
    assert len(failed) == (1 if status == 500 else 0)
    if failed:
        assert failed[0]["exc_info"] is error
        assert failed[0]["request_id"] in answer.error["message"]


async def test_an_answer_has_arms_headers(api: ManagementApi) -> None:
    correlation = str(uuid.uuid4())
    answer = await api.request(
        "GET",
        "/subscriptions",
        headers={"x-ms-correlation-request-id": correlation},
    )
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert str(uuid.UUID(answer.headers["x-ms-request-id"])) == answer.headers["x-ms-request-id"]
    assert answer.headers["x-ms-correlation-request-id"] == correlation
    other = await api.request("GET", "/subscriptions", headers={"x-ms-correlation-request-id": "x"})
    assert other.headers["x-ms-correlation-request-id"] == other.headers["x-ms-request-id"]


async def test_a_request_is_one_line_in_the_log_without_its_query_and_its_body(
    api: ManagementApi,
) -> None:
    with capture_logs() as lines:
        answer = await api.request(
            "PATCH", api.webhook("missing1"), {"tags": {"a": "canary"}}, query=f"{VERSION}&k=canary"
        )
    (line,) = [line for line in lines if line["event"] == "request.served"]
    assert (line["method"], line["status"], line["principal"]) == ("PATCH", 404, "administrator")
    assert line["path"] == api.webhook("missing1")
    assert line["request_id"] == answer.headers["x-ms-request-id"]
    assert "canary" not in str(lines)


async def test_secrets_and_headers_are_in_no_log_line(api: ManagementApi) -> None:
    with capture_logs() as lines:
        answer = await api.put_webhook(
            serviceUri="https://u:canary@x.io/canary?canary",
            customHeaders={"X-Key": "canary"},
            portcall={"secret": "generate"},
        )
        await api.request(
            "PATCH", api.webhook("webhook01"), {"properties": {"customHeaders": {"b": "canary"}}}
        )
        await api.request("POST", f"{api.webhook('webhook01')}/getCallbackConfig")
    told = str(lines)
    assert "canary" not in told
    assert answer.json["properties"]["portcall"]["secret"] not in told
    assert {"webhook.created", "webhook.updated"} <= {line["event"] for line in lines}


@pytest.mark.parametrize("path", ["/live", "/ready"])
async def test_health_needs_no_token_and_no_version(api: ManagementApi, path: str) -> None:
    with capture_logs() as lines:
        answer = await api.request("GET", path, token=None, query="")
    assert answer.status == 200
    assert lines == []


async def test_ready_says_what_is_wrong(api: ManagementApi) -> None:
    api.checks["broker"] = lambda: "connection refused"
    answer = await api.request("GET", "/ready", token=None, query="")
    assert answer.status == 503
    assert answer.json["problems"] == {"broker": "connection refused"}
    assert (await api.request("GET", "/live", token=None, query="")).status == 200


async def test_a_webhook_that_goes_while_it_is_patched_is_a_404(
    api: ManagementApi, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.put_webhook()
    row = store.webhooks.get("alpha", "webhook01")
    store.webhooks.delete("alpha", "webhook01")
    monkeypatch.setattr(type(store.webhooks), "get", lambda *_: row)
    answer = await api.request("PATCH", api.webhook("webhook01"), {"tags": {}})
    assert (answer.status, answer.error["code"]) == (404, "ResourceNotFound")


async def test_who_fails_to_authenticate_too_often_gets_429_in_the_envelope(
    api: ManagementApi,
) -> None:
    answer = await api.request("GET", api.webhook("x"))
    for _ in range(3 * MAX_FAILURES):
        answer = await api.request("GET", api.webhook("x"), token="wrong")  # noqa: S106
        if answer.status != 401:
            break
    assert (answer.status, answer.error["code"]) == (429, "TooManyRequests")
    assert "retry-after" not in {name.lower() for name in answer.headers}
    assert answer.headers["x-ms-request-id"]
