"""Disabling a webhook whose endpoint is gone, and telling the others."""

from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from portcall.deliverer import store_retry
from portcall.deliverer.disabling import Disabling
from portcall.runtime.disabled import DISABLED
from portcall.schemas.changes import Hint, encode_hint
from portcall.schemas.webhooks import Cause, Status
from portcall.store.errors import StoreUnavailableError
from portcall.store.webhooks.summaries import KnownWebhook
from tests.unit.deliverer.samples import FakeBroker


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_retry, "wait_random_exponential", lambda **_: lambda _state: 0.0)


class FakeWebhooks:
    def __init__(self, *, enabled: bool = True, errors: int = 0) -> None:
        self.enabled = enabled
        self.errors = errors
        self.disabled: list[tuple[int, str]] = []

    def disable(self, webhook_id: int, reason: str, now_ms: int) -> bool:
        self._answer()
        assert now_ms > 1_700_000_000_000
        was, self.enabled = self.enabled, False
        self.disabled.append((webhook_id, reason))
        return was

    def enable(self, webhook_id: int, now_ms: int) -> bool:
        self._answer()
        was, self.enabled = self.enabled, True
        return not was

    def revision(self) -> int:
        self._answer()
        return 42

    def _answer(self) -> None:
        if self.errors:
            self.errors -= 1
            raise StoreUnavailableError("away")


class FakeNames:
    def by_ids(self, ids: Sequence[int]) -> dict[int, KnownWebhook]:
        known = KnownWebhook(
            7, "MyRegistry", "ci01hook", Status.DISABLED, Cause.GONE, "gone", 1, 42
        )
        return {7: known} if 7 in ids else {}


NAMES = FakeNames()


@pytest.mark.parametrize("errors", [0, 1, 5])
async def test_the_store_is_told_and_then_the_others(errors: int) -> None:
    store, broker = FakeWebhooks(errors=errors), FakeBroker()
    with capture_logs() as lines:
        await Disabling(store, broker, NAMES).disable(7, "gone")
    assert store.disabled == [(7, "gone")]
    assert broker.announced == [encode_hint(42)]
    assert Hint(revision=42) == Hint(revision=42, v=1)
    (line,) = [each for each in lines if each["event"] == "webhook.disabled"]
    assert (line["log_level"], line["registry"], line["webhook"], line["cause"]) == (
        "warning", "MyRegistry", "ci01hook", "gone",
    )  # fmt: skip


async def test_it_is_counted_by_registry_and_cause() -> None:
    counter = DISABLED.labels("myregistry", "gone")
    before = counter._value.get()
    await Disabling(FakeWebhooks(), FakeBroker(), NAMES).disable(7, "gone")
    await Disabling(FakeWebhooks(enabled=False), FakeBroker(), NAMES).disable(7, "gone")
    assert counter._value.get() == before + 1


async def test_one_that_was_deleted_meanwhile_has_no_name() -> None:
    with capture_logs() as lines:
        await Disabling(FakeWebhooks(), FakeBroker(), NAMES).disable(8, "gone")
    assert lines[-1]["webhook_id"] == 8 and lines[-1]["webhook"] == ""


async def test_what_was_disabled_already_is_not_announced_again() -> None:
    store, broker = FakeWebhooks(enabled=False), FakeBroker()
    await Disabling(store, broker, NAMES).disable(7, "gone")
    assert broker.announced == []


@pytest.mark.parametrize(("enabled", "told"), [(False, [encode_hint(42)]), (True, [])])
async def test_one_that_answers_a_probe_is_enabled_and_the_others_are_told(
    told: list[bytes], *, enabled: bool
) -> None:
    store, broker = FakeWebhooks(enabled=enabled, errors=1), FakeBroker()
    await Disabling(store, broker, NAMES).enable(7)
    assert store.enabled
    assert broker.announced == told
