"""The installation's values of settings: shown where a webhook has none of its own."""

import pytest
from msgspec import to_builtins

from portcall.management.http.defaults import Defaults
from portcall.management.http.resources import webhook_answer
from portcall.management.http.settings import SETTINGS
from portcall.management.settings import ManagementSettings
from portcall.store.database.installation import Installation
from tests.settings_probe import NEEDED
from tests.unit.management.console.views.test_listing import row

DEFAULTS = Defaults((10_000, 60_000), 0, 5 * 86_400_000)
HERE = Installation("tenant", "subscription", "group", 1)


@pytest.mark.parametrize(
    ("own", "shown"),
    [
        ({}, {"retrySchedule": ["10s", "1m"], "maxAge": "none", "disableAfter": "5d"}),
        ({"max_age_ms": 0}, {"retrySchedule": ["10s", "1m"], "disableAfter": "5d"}),
        ({"schedule_ms": (), "max_age_ms": 1000, "disable_after_ms": 0}, None),
    ],
    ids=["nothing of its own", "a maximum age of its own", "all of its own"],
)
def test_an_answer_has_the_values_that_a_webhook_leaves_to_the_installation(
    own: dict[str, object], shown: dict[str, object] | None
) -> None:
    told = to_builtins(webhook_answer(HERE, row(**own), defaults=DEFAULTS))
    assert told["properties"]["portcall"].get("defaults") == shown


def test_a_list_does_not_repeat_them() -> None:
    told = to_builtins(webhook_answer(HERE, row()))
    assert "defaults" not in told["properties"]["portcall"]


def test_an_empty_field_of_the_form_shows_the_value_in_force() -> None:
    told = {each.name: each.emptiness(DEFAULTS) for each in SETTINGS}
    assert told["retry_schedule"] == "default: 10s,1m"
    assert told["max_age"] == "default: none"
    assert told["disable_after"] == "default: 5d"
    assert told["rate_limit"] == "no limit"


def test_every_default_is_of_a_setting() -> None:
    assert set(Defaults.__slots__) <= {each.column for each in SETTINGS}


def test_management_reads_the_variables_of_the_deliverers() -> None:
    settings = ManagementSettings.from_environment(
        NEEDED | {"PORTCALL_MAX_AGE": "12h", "PORTCALL_RETRY_SCHEDULE": "1s"}
    )
    assert settings.retry_schedule_ms == (1000,)
    assert settings.max_age_ms == 12 * 3_600_000
    assert settings.disable_after_ms == 5 * 86_400_000
