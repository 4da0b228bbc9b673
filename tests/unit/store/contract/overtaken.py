"""What every store does with overtaken deliveries: noted, confirmed, read with their webhook."""

import pytest

from portcall.schemas.overtaking import Standing, Turn, standings
from portcall.store.engine import Store
from portcall.store.errors import TooManyOvertakenError
from portcall.store.webhooks import overtaken
from tests.unit.store.samples import add_registry, add_webhook

TURN: Turn = ("msg_1", 1_000, 2, 1, 0)
COPY: Turn = ("msg_1", 1_000, 2, 1, 1_001)


class OvertakenContract:
    def test_a_webhook_is_read_with_its_overtaken_deliveries(self, store: Store) -> None:
        add_registry(store)
        first, second = add_webhook(store, "webhook1"), add_webhook(store, "webhook2")
        before = store.webhooks.revision()
        row, revision = store.overtaken.ask(first.id, TURN, due_ms=5_000, now_ms=2_000)
        assert (row.is_published, revision) == (False, before + 1)
        read = {each.id: each.standings for each in store.webhooks.by_ids([first.id, second.id])}
        assert read[first.id] == {TURN: Standing.DOUBTFUL, COPY: Standing.OVERTAKES}
        assert read[second.id] == {}
        store.overtaken.confirm(first.id, TURN)
        (found,) = store.webhooks.by_ids([first.id])
        assert found.standings == {TURN: Standing.OVERTAKEN, COPY: Standing.OVERTAKES}
        changes = store.webhooks.changes_since(before)
        assert changes is not None
        assert [each[0] for each in changes.changed] == [first.id], "deliverers read it again"

    def test_to_ask_again_changes_nothing(self, store: Store) -> None:
        add_registry(store)
        webhook = add_webhook(store)
        for published in (False, False):
            row, _ = store.overtaken.ask(webhook.id, TURN, due_ms=5_000, now_ms=2_000)
            assert row.is_published is published
        store.overtaken.confirm(webhook.id, TURN)
        row, _ = store.overtaken.ask(webhook.id, TURN, due_ms=5_000, now_ms=2_000)
        assert row.is_published

    def test_a_delivery_that_must_be_back_by_now_is_forgotten(self, store: Store) -> None:
        add_registry(store)
        webhook = add_webhook(store)
        store.overtaken.ask(webhook.id, TURN, due_ms=5_000, now_ms=2_000)
        later = 5_000 + overtaken.KEPT_MS
        other: Turn = ("msg_2", 1_000, 2, 1, 0)
        store.overtaken.ask(webhook.id, other, due_ms=later, now_ms=later)
        assert len(store.webhooks.by_ids([webhook.id])[0].standings) == 4
        store.overtaken.ask(webhook.id, other, due_ms=later, now_ms=later + 1)
        assert len(store.webhooks.by_ids([webhook.id])[0].standings) == 2

    def test_a_webhook_has_only_so_many(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(overtaken, "MOST", 1)
        add_registry(store)
        webhook = add_webhook(store)
        store.overtaken.ask(webhook.id, TURN, due_ms=5_000, now_ms=2_000)
        store.overtaken.ask(webhook.id, TURN, due_ms=5_000, now_ms=2_000)
        with pytest.raises(TooManyOvertakenError):
            store.overtaken.ask(webhook.id, ("m", 1, 2, 1, 0), due_ms=5_000, now_ms=2_000)

    def test_nothing_is_overtaken_without_a_row(self, store: Store) -> None:
        assert standings([]) == {}
        add_registry(store)
        assert store.webhooks.by_ids([add_webhook(store).id])[0].standings == {}
