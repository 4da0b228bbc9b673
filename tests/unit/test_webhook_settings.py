"""A setting of a webhook is described once on each side; a side that leaves one out is named."""

from dataclasses import fields

import pytest

from portcall.cli import options
from portcall.management.console.views.webhook_forms import FIELDS, LABELS
from portcall.management.http.bodies import PortcallExtras
from portcall.management.http.settings import SETTINGS
from portcall.management.http.shapes import WebhookExtras
from portcall.schemas.webhooks import SettingChanges, WebhookSettings
from portcall.store.database.tables import webhooks
from portcall.store.webhooks.row import VisibleWebhook, WebhookChanges, WebhookDraft

COLUMNS = [field.name for field in fields(WebhookSettings)]
NULL_BY_DEFAULT = {field.name for field in fields(WebhookSettings) if field.default is None}


@pytest.mark.parametrize("column", COLUMNS)
def test_every_side_has_the_setting(column: str) -> None:
    (setting,) = [each for each in SETTINGS if each.column == column]
    assert column in webhooks.c
    assert webhooks.c[column].nullable == (column in NULL_BY_DEFAULT)
    for record in (WebhookDraft, VisibleWebhook):
        assert column in {field.name for field in fields(record)}
    assert column in SettingChanges.__annotations__
    assert column in WebhookChanges.__annotations__
    assert PortcallExtras.model_fields[setting.name].alias == setting.key
    assert setting.name in WebhookExtras.__struct_fields__
    assert setting.field in FIELDS
    assert LABELS[setting.field] == setting.label
    assert setting.key in {each.key for each in options.SETTINGS}


def test_no_side_has_another() -> None:
    assert len(SETTINGS) == len(options.SETTINGS) == len(COLUMNS)
