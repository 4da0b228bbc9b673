from collections.abc import Callable
from typing import Any

import pytest

from portcall.cli import tables
from portcall.cli.tables import Row, table
from tests.unit.cli.fakes import REGISTRY, WEBHOOK, record


def test_the_layout_is_azs() -> None:
    rows = [
        tables.webhook_row(WEBHOOK),
        tables.webhook_row({**WEBHOOK, "name": "other", "properties": {"scope": "team/app:*"}}),
    ]
    assert table(rows) == (
        "NAME      LOCATION    ACTIONS             SCOPE       STATUS\n"
        "--------  ----------  ------------------  ----------  --------\n"
        "ci01hook  westus      ['push', 'delete']              enabled\n"
        "other     westus                          team/app:*"
    )


def test_wide_characters_take_two_cells() -> None:
    assert table([{"A": "名前", "B": "x"}, {"A": "ab", "B": "y"}]).splitlines() == [
        "A     B", "----  ---", "名前  x", "ab    y",
    ]  # fmt: skip


def test_what_would_steer_a_terminal_is_replaced() -> None:
    text = table([{"A": "\x1b[2Jx\ny\x9b1m"}])
    assert text.splitlines()[2:] == ["\ufffd[2Jx\ufffdy\ufffd1m"]


@pytest.mark.parametrize(
    ("row", "document", "shown"),
    [
        pytest.param(
            tables.record_row,
            record(7),
            {
                "ID": "0b6f3a52-6a2e-4a56-9d0f-000000000007",
                "ACTION": "push",
                "IMAGE": "team/app:v1",
                "HTTP STATUS": "200 OK",
                "TIMESTAMP": "2026-11-22T10:20:30Z",
            },
            id="record",
        ),
        pytest.param(
            tables.record_row,
            record(action="delete", tag="", status=""),
            {
                "ID": "0b6f3a52-6a2e-4a56-9d0f-000000000001",
                "ACTION": "delete",
                "IMAGE": "team/app",
                "HTTP STATUS": "",
                "TIMESTAMP": "2026-11-22T10:20:30Z",
            },
            id="record without a tag or an answer",
        ),
        pytest.param(
            tables.record_row,
            record(action="ping", status="500"),
            {
                "ID": "0b6f3a52-6a2e-4a56-9d0f-000000000001",
                "ACTION": "ping",
                "IMAGE": "",
                "HTTP STATUS": "500 OK",
                "TIMESTAMP": "2026-11-22T10:20:30Z",
            },
            id="ping",
        ),
        pytest.param(
            tables.record_row,
            {
                "id": "e-1",
                "eventRequestMessage": {"content": {"text": "pushed"}},
                "portcall": {
                    "event": {
                        "action": "push",
                        "timestamp": "2026-11-22T10:20:30.5Z",
                        "target": {"repository": "team/app", "tag": "v1"},
                    }
                },
            },
            {
                "ID": "e-1",
                "ACTION": "push",
                "IMAGE": "team/app:v1",
                "HTTP STATUS": "",
                "TIMESTAMP": "2026-11-22T10:20:30Z",
            },
            id="record in another format",
        ),
        pytest.param(
            tables.record_row,
            {},
            dict.fromkeys(("ID", "ACTION", "IMAGE", "HTTP STATUS", "TIMESTAMP"), ""),
            id="nothing at all",
        ),
        pytest.param(
            tables.registry_row,
            REGISTRY,
            {
                "NAME": "myregistry",
                "RESOURCE GROUP": "portcall",
                "LOCATION": "westus",
                "SKU": "Premium",
                "LOGIN SERVER": "myregistry.azurecr.io",
                "CREATION DATE": "2026-11-22T07:34:45Z",
            },
            id="registry",
        ),
        pytest.param(
            tables.config_row,
            {"serviceUri": "http://x/", "customHeaders": {"a": "b"}},
            {"SERVICE URI": "http://x/", "HEADERS": "{'a': 'b'}"},
            id="config",
        ),
        pytest.param(
            tables.config_row,
            {"serviceUri": "http://x/"},
            {"SERVICE URI": "http://x/", "HEADERS": ""},
            id="config without headers",
        ),
        pytest.param(tables.ping_row, {"id": "x"}, {"ID": "x"}, id="ping's id"),
    ],
)
def test_the_columns_are_azs(
    row: Callable[[dict[str, Any]], Row], document: dict[str, Any], shown: Row
) -> None:
    assert row(document) == shown
    assert list(row(document)) == list(shown)


@pytest.mark.parametrize(
    ("timestamp", "shown"),
    [
        ("2026-11-22T10:20:30.1234567Z", "2026-11-22T10:20:30Z"),
        ("2026-11-22T10:20:30Z", "2026-11-22T10:20:30Z"),
        ("2026-11-22T10:20:30+00:00", "2026-11-22T10:20:30Z"),
        ("yesterday", "yesterday"),
    ],
)
def test_timestamps_have_no_fraction(timestamp: str, shown: str) -> None:
    assert tables.seconds(timestamp) == shown


def test_a_resource_id_without_a_group_has_none() -> None:
    assert tables.resource_group("/subscriptions/x") == ""


@pytest.mark.parametrize(
    ("status", "facts", "reason"),
    [
        ("200", {"outcome": "delivered"}, ""),
        ("500", {"outcome": "retried", "failure": "status"}, "answered 500"),
        ("", {"outcome": "retried", "failure": "connection_refused"}, "connection refused"),
        (
            "",
            {"outcome": "given_up", "failure": "timeout", "durationMs": 15000.4},
            "timeout after 15 s",
        ),
        (
            "",
            {"outcome": "cancelled", "message": "cancelled: the webhook was disabled"},
            "the webhook was disabled",
        ),
        ("", {"outcome": "of a newer server", "message": "because"}, "because"),
    ],
)
def test_a_record_has_azs_columns_then_attempt_outcome_and_reason(
    status: str, facts: dict[str, Any], reason: str
) -> None:
    shown = record(2, status=status)
    shown["portcall"] = {"attempt": 2, **facts}
    row = tables.whole_record_row(shown)
    assert list(row)[:5] == list(tables.record_row(shown)), "az's columns come first"
    assert (row["ATTEMPT"], row["OUTCOME"], row["REASON"]) == ("2", facts["outcome"], reason)
