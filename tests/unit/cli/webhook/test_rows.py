from typing import Any

import pytest

from portcall.cli.tables import webhook_row
from portcall.cli.webhook.rows import COLUMNS, webhook_row_for
from tests.unit.cli.fakes import WEBHOOK

PLAIN = {**WEBHOOK, "properties": {"scope": "", "portcall": {"scopes": []}}}


@pytest.mark.parametrize(
    ("extras", "column", "said"),
    [
        ({"scopes": ["team/*", "!team/test"]}, "SCOPES", "team/* !team/test"),
        (
            {"filters": {"taggedOnly": True, "artifactTypes": ["image", "index"]}},
            "FILTERS",
            "taggedOnly artifactTypes=image,index",
        ),
        ({"format": {"name": "slack"}}, "FORMAT", "slack"),
        (
            {"format": {"name": "cloudevents", "mode": "binary"}},
            "FORMAT",
            "cloudevents mode=binary",
        ),
        ({"format": {"name": "template", "template": "{}"}}, "FORMAT", "template 2 characters"),
        ({"finalAnswers": [400, "4xx"]}, "FINAL ANSWERS", "400, 4xx"),
        ({"finalAnswers": "receiver-refuses"}, "FINAL ANSWERS", "receiver-refuses"),
    ],
)
def test_a_column_more_for_a_setting_that_any_webhook_has(
    extras: dict[str, Any], column: str, said: str
) -> None:
    has = {**WEBHOOK, "properties": {"scope": "a:*", "portcall": extras}}
    row = webhook_row_for([PLAIN, has])
    assert list(row(has)) == [*webhook_row(PLAIN), column]
    assert [row(each)[column] for each in (PLAIN, has)] == ["", said]


def test_no_column_more_without_them() -> None:
    assert webhook_row_for([PLAIN])(PLAIN) == webhook_row(PLAIN)
    assert webhook_row_for([])(WEBHOOK) == webhook_row(WEBHOOK)


def test_all_of_them_are_in_one_order() -> None:
    extras = {"finalAnswers": [400], "format": {"name": "ghcr"}, "filters": {"taggedOnly": True}}
    extras["scopes"] = ["a/*"]
    has = {**WEBHOOK, "properties": {"portcall": extras}}
    columns = [name for name, _ in COLUMNS.values()]
    assert list(webhook_row_for([has])(has))[-4:] == columns
