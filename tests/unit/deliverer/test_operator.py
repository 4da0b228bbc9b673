"""The operator's webhook among those of the store."""

from collections.abc import Sequence

import pytest

from portcall.deliverer.operator import WithOperator, operator_webhook
from portcall.runtime.errors import SettingsError
from portcall.runtime.settings import SealedSettings
from portcall.schemas.operator import OPERATOR_ID
from portcall.schemas.webhooks import Webhook
from portcall.store.webhooks.index import Changes

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 (of nobody)
NEEDED = {"PORTCALL_AMQP_URL": "amqp://b/", "PORTCALL_DATABASE_URL": "sqlite:///x", "PORTCALL_TOKEN": "x" * 16}  # fmt: skip


class Rows:
    def by_ids(self, ids: Sequence[int]) -> list[Webhook]:
        assert ids
        return []

    def revision(self) -> int:
        return 7

    def changes_since(self, revision: int) -> Changes | None:
        assert revision == 7
        return None


def test_it_is_found_by_its_id_and_no_other() -> None:
    webhook = operator_webhook("https://ops.example.com/hook?a=b", SECRET)
    source = WithOperator(Rows(), webhook)
    assert source.by_ids([2**51]) == []
    (found,) = source.by_ids([2**51, OPERATOR_ID])
    assert (found.uri, found.secret) == ("https://ops.example.com/hook?a=b", SECRET)
    assert found.takes(probe=False)
    assert (source.revision(), source.changes_since(7)) == (7, None)


def test_without_a_setting_there_is_none() -> None:
    assert operator_webhook("", "") is None
    assert WithOperator(Rows(), None).by_ids([OPERATOR_ID]) == []


def test_user_info_becomes_a_header() -> None:
    webhook = operator_webhook("https://user:pass@ops.example.com/", "")
    assert webhook is not None
    assert webhook.headers == {"Authorization": "Basic dXNlcjpwYXNz"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("URI", "ftp://ops.example.com/"),
        ("URI", "ops.example.com"),
        ("URI", "http:///x"),
        ("SECRET", "hunter2"),
        ("SECRET", "whsec_short"),
    ],
)
def test_a_bad_setting_is_refused_by_its_name_without_its_value(name: str, value: str) -> None:
    variable = f"PORTCALL_OPERATOR_WEBHOOK_{name}"
    with pytest.raises(SettingsError) as raised:
        SealedSettings.from_environment({**NEEDED, variable: value})
    assert variable in str(raised.value)
    assert "hunter2" not in str(raised.value)
