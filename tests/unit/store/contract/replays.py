"""What every store does with replays, and with how webhooks stand."""

from collections.abc import Sequence

import msgspec
import pytest

from portcall.schemas.deliveries import delivery_id
from portcall.schemas.events import Event
from portcall.schemas.extras import Extras
from portcall.schemas.records import Outcome
from portcall.schemas.webhooks import Cause, Status
from portcall.store.engine import Store
from portcall.store.records import selection
from portcall.store.records.replays import Replay, ReplayedPage, ReplayState
from portcall.store.records.selection import ENDINGS, Count, Selection
from portcall.store.webhooks.health import HOUR_MS
from portcall.store.webhooks.row import WebhookRow
from tests.unit.store.contract.eventlog import append
from tests.unit.store.samples import add_registry, add_webhook, draft, event, frame, record

ALL = Selection(registry="myregistry")
GIVEN_UP, CANCELLED, DELIVERED, RETRIED, REFUSED = (
    Outcome.GIVEN_UP,
    Outcome.CANCELLED,
    Outcome.DELIVERED,
    Outcome.RETRIED,
    Outcome.REFUSED,
)
DISABLE_AFTER_MS = 10_000


def add_hook(store: Store, name: str = "webhook1") -> int:
    if store.registries.get("myregistry") is None:
        add_registry(store)
    return add_webhook(store, name).id


def ended(
    store: Store, webhook_id: int, *event_ids: str, outcome: Outcome = GIVEN_UP, attempt: int = 3
) -> None:
    events = [event(each, accepted_ms=1_000 + at) for at, each in enumerate(event_ids)]
    records = [
        record(webhook_id, of=at, attempt=attempt, outcome=outcome) for at in range(len(events))
    ]
    append(store, frame(records, events))


def begin(store: Store, selection: Selection = ALL) -> Replay:
    return store.replays.create(selection, rate=50, now_ms=5_000)


def chosen(store: Store, replay: Replay, limit: int = 100) -> list[str]:
    return [each.event.id for each in store.replays.page(replay, limit=limit)]


class SelectingContract:
    def test_what_was_given_up_is_selected_with_its_event(self, store: Store) -> None:
        hook = add_hook(store)
        ended(store, hook, "a")
        (selected,) = store.replays.page(begin(store), limit=10)
        assert (selected.event, selected.webhook_id) == (event("a"), hook)
        assert (selected.attempt, selected.enabled) == (3, True)

    def test_a_selected_event_has_its_extras(self, store: Store) -> None:
        hook = add_hook(store)
        told = msgspec.structs.replace(event("a"), extras=Extras(actor="ci", backfilled=True))
        append(store, frame([record(hook, outcome=GIVEN_UP)], [told]))
        (selected,) = store.replays.page(begin(store), limit=10)
        assert selected.event == told

    @pytest.mark.parametrize(
        ("outcomes", "ids"),
        [
            ((GIVEN_UP,), ["given"]),
            ((CANCELLED,), ["cancelled"]),
            ((GIVEN_UP, CANCELLED), ["given", "cancelled"]),
            ((REFUSED,), ["refused"]),
            (ENDINGS, ["given", "cancelled", "delivered", "refused"]),
        ],
        ids=["given up", "cancelled", "both", "refused", "all but what is pending"],
    )
    def test_the_last_record_decides(
        self, store: Store, outcomes: tuple[Outcome, ...], ids: list[str]
    ) -> None:
        hook = add_hook(store)
        for event_id, outcome in (("again", GIVEN_UP), ("pending", GIVEN_UP), ("given", RETRIED)):
            ended(store, hook, event_id, outcome=outcome, attempt=1)
        ended(store, hook, "again", outcome=DELIVERED, attempt=2)
        ended(store, hook, "pending", outcome=RETRIED, attempt=2)
        ended(store, hook, "given", outcome=GIVEN_UP, attempt=2)
        ended(store, hook, "cancelled", outcome=CANCELLED)
        ended(store, hook, "delivered", outcome=DELIVERED)
        ended(store, hook, "refused", outcome=REFUSED)
        wanted = Selection(registry="myregistry", outcomes=outcomes)
        found = chosen(store, begin(store, wanted))
        assert [each for each in found if each != "again"] == ids
        assert ("again" in found) == (DELIVERED in outcomes)
        assert store.replays.count(wanted).total == len(found)

    @pytest.mark.parametrize(
        ("narrowed", "ids"),
        [
            ({}, ["a", "b", "c", "x"]),
            ({"event_id": "b"}, ["b"]),
            ({"event_id": "nothing"}, []),
            ({"since_ms": 1_001}, ["b", "c"]),
            ({"until_ms": 1_001}, ["a", "x"]),
            ({"since_ms": 1_001, "until_ms": 1_002}, ["b"]),
            ({"registry": "other"}, []),
        ],
        ids=["nothing", "an event", "no event", "since", "until", "between", "another registry"],
    )
    def test_a_selection_may_be_narrowed(
        self, store: Store, narrowed: dict[str, object], ids: list[str]
    ) -> None:
        ended(store, add_hook(store), "a", "b", "c")
        ended(store, add_hook(store, "webhook2"), "x")
        wanted = Selection(**{"registry": "myregistry", **narrowed})  # type: ignore[arg-type]  # a table of fields
        assert chosen(store, begin(store, wanted)) == ids
        assert store.replays.count(wanted).total == len(ids)

    def test_one_webhook_alone(self, store: Store) -> None:
        one, other = add_hook(store), add_hook(store, "webhook2")
        ended(store, one, "a")
        ended(store, other, "a", "b")
        wanted = Selection(registry="myregistry", webhook_id=other)
        assert chosen(store, begin(store, wanted)) == ["a", "b"]

    def test_pings_are_never_replayed(self, store: Store) -> None:
        ping = Event("p", "myregistry", "ping", 1, event().body)
        append(store, frame([record(add_hook(store), outcome=GIVEN_UP)], [ping]))
        assert store.replays.count(ALL) == Count(0, 0, 0)

    def test_what_cannot_be_sent_is_counted(self, store: Store) -> None:
        ended(store, add_hook(store), "a")
        disabled = add_hook(store, "webhook2")
        ended(store, disabled, "a", "b")
        store.webhooks.disable(disabled, "410", 1)
        deleted = add_hook(store, "webhook3")
        ended(store, deleted, "a", "b", "c")
        store.webhooks.delete("myregistry", "webhook3")
        assert store.replays.count(ALL) == Count(total=3, disabled=2, deleted=3)
        flags = [each.enabled for each in store.replays.page(begin(store), limit=10)]
        assert flags == [True, False, False, None, None, None]

    def test_what_ends_later_is_not_in_a_replay(self, store: Store) -> None:
        hook = add_hook(store)
        ended(store, hook, "before")
        replay = begin(store)
        ended(store, hook, "after")
        assert replay.total == 1
        assert chosen(store, replay) == ["before"]

    def test_what_moved_on_in_the_meantime_is_left_out(self, store: Store) -> None:
        hook = add_hook(store)
        ended(store, hook, "a", "b")
        replay = begin(store)
        ended(store, hook, "a", outcome=DELIVERED, attempt=4)
        assert chosen(store, replay) == ["b"]

    def test_a_delivery_is_found_by_its_id(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(selection, "TRIED_AT_ONCE", 4)
        hook = add_hook(store)
        ended(store, hook, *(f"e{number}" for number in range(30)))
        assert store.replays.event_id_of(hook, delivery_id("e17", hook)) == "e17"
        assert store.replays.event_id_of(hook, delivery_id("e17", hook + 1)) is None


class WorkingContract:
    def test_pages_follow_each_other(self, store: Store) -> None:
        ended(store, add_hook(store), *"abcde")
        begin(store)
        seen: list[str] = []
        while page := store.replays.page(replay := self.claim(store)[0], limit=2):
            seen += [each.event.id for each in page]
            step = ReplayedPage(position=page[-1].record_id, published=len(page))
            assert store.replays.advance(replay, "me", step, now_ms=6_000, lease_ms=1_000)
        assert seen == [*"abcde"]
        assert store.replays.get("myregistry", replay.id) == self.claim(store)[0]
        assert self.claim(store)[0].published == 5

    @staticmethod
    def claim(store: Store, holder: str = "me", now_ms: int = 6_000) -> Sequence[Replay]:
        return store.replays.claim(holder, now_ms=now_ms, lease_ms=1_000)

    def test_a_replay_belongs_to_one_until_its_lease_runs_out(self, store: Store) -> None:
        add_hook(store)
        (replay,) = [begin(store)]
        assert [each.id for each in self.claim(store)] == [replay.id]
        assert self.claim(store, "other", 6_999) == []
        (taken,) = self.claim(store, "other", 7_001)
        assert self.claim(store, "me", 7_002) == []
        step = ReplayedPage(position=9)
        assert not store.replays.advance(replay, "me", step, now_ms=7_003, lease_ms=1)
        assert not store.replays.renew(replay, "me", now_ms=7_003, lease_ms=1)
        assert store.replays.advance(taken, "other", step, now_ms=7_003, lease_ms=1)

    def test_what_is_released_is_anybodys(self, store: Store) -> None:
        add_hook(store)
        begin(store)
        self.claim(store)
        store.replays.release("me")
        assert len(self.claim(store, "other")) == 1

    def test_a_page_is_noted_once(self, store: Store) -> None:
        add_hook(store)
        begin(store)
        (replay,) = self.claim(store)
        step = ReplayedPage(position=9, published=4, disabled=1)
        assert store.replays.advance(replay, "me", step, now_ms=6_000, lease_ms=1_000)
        assert not store.replays.advance(replay, "me", step, now_ms=6_000, lease_ms=1_000)
        (after,) = self.claim(store)
        assert (after.position, after.published, after.disabled) == (9, 4, 1)

    def test_the_last_page_completes_it(self, store: Store) -> None:
        ended(store, add_hook(store), "a", "b", "c")
        begin(store)
        (replay,) = self.claim(store)
        step = ReplayedPage(position=9, published=1, disabled=1, is_last=True)
        assert store.replays.advance(replay, "me", step, now_ms=6_000, lease_ms=1_000)
        assert self.claim(store) == []
        done = store.replays.get("myregistry", replay.id)
        assert done is not None
        assert (done.state, done.gone) == (ReplayState.COMPLETED, 1)

    def test_one_that_is_cancelled_is_worked_at_no_more_until_it_is_resumed(
        self, store: Store
    ) -> None:
        add_hook(store)
        begin(store)
        (replay,) = self.claim(store)
        change = store.replays.change
        assert change(
            "myregistry", replay.id, ReplayState.CANCELLED, where=ReplayState.RUNNING, now_ms=7_000
        )
        assert not store.replays.advance(
            replay, "me", ReplayedPage(position=9), now_ms=1, lease_ms=1
        )
        assert self.claim(store) == []
        assert not change(
            "myregistry", replay.id, ReplayState.CANCELLED, where=ReplayState.RUNNING, now_ms=7_000
        )
        assert change(
            "myregistry", replay.id, ReplayState.RUNNING, where=ReplayState.CANCELLED, now_ms=8_000
        )
        assert [each.id for each in self.claim(store, "other")] == [replay.id]

    def test_they_are_listed_newest_first_by_registry(self, store: Store) -> None:
        add_hook(store)
        add_registry(store, "other")
        ids = [begin(store).id for _ in range(3)]
        begin(store, Selection(registry="other"))
        listed = store.replays.list("myregistry", before=None, limit=2)
        assert [each.id for each in listed] == [ids[2], ids[1]]
        assert [each.id for each in store.replays.list("myregistry", before=ids[1], limit=9)] == [
            ids[0]
        ]
        assert store.replays.get("other", ids[0]) is None
        assert store.replays.get("myregistry", 2**70) is None

    def test_it_is_kept_as_it_was_created(self, store: Store) -> None:
        wanted = Selection(
            registry="myregistry",
            webhook_id=7,
            event_id="e",
            outcomes=ENDINGS,
            since_ms=1,
            until_ms=2,
        )
        replay = begin(store, wanted)
        assert replay.selection == wanted
        assert (replay.rate, replay.total, replay.state) == (50, 0, ReplayState.RUNNING)
        assert store.replays.get("myregistry", replay.id) == replay

    def test_what_ended_long_ago_is_forgotten_and_what_runs_is_not(self, store: Store) -> None:
        add_hook(store)
        running, cancelled, late = (begin(store) for _ in range(3))
        for replay, at in ((cancelled, 50), (late, 60)):
            store.replays.change(
                "myregistry", replay.id, ReplayState.CANCELLED, where=ReplayState.RUNNING, now_ms=at
            )
        assert store.replays.prune(60) == 1
        assert store.replays.prune(60) == 0
        left = store.replays.list("myregistry", before=None, limit=10)
        assert [each.id for each in left] == [late.id, running.id]


class StandingContract:
    def attempts(self, store: Store, hook: int, *made: tuple[int, Outcome]) -> None:
        """Append attempts: when each began, ms after the webhook's last change, and its outcome."""
        from_ms = self.row(store).status_changed_ms
        append(
            store,
            frame([record(hook, outcome=each, started_ms=from_ms + at) for at, each in made]),
        )

    @staticmethod
    def row(store: Store) -> WebhookRow:
        row = store.webhooks.get("myregistry", "webhook1")
        assert row is not None
        return row

    @staticmethod
    def look(store: Store, window: int = 1_000) -> list[int]:
        disabled = []
        while (
            found := store.webhook_health.advance(
                disable_after_ms=DISABLE_AFTER_MS, now_ms=99_000, window=window
            )
        ).more:
            disabled += [webhook_id for webhook_id, _ in found.disabled]
        return disabled

    @pytest.mark.parametrize("window", [1, 2, 1_000])
    def test_a_webhook_that_fails_for_too_long_is_disabled(self, store: Store, window: int) -> None:
        hook = add_hook(store)
        before = store.webhooks.revision()
        times = range(0, 10_000, 2_500)
        self.attempts(store, hook, *((at, RETRIED) for at in times), (10_000, GIVEN_UP))
        since = self.row(store).status_changed_ms
        assert self.look(store, window) == [hook]
        row = self.row(store)
        assert (row.status, row.cause) == (Status.DISABLED, Cause.FAILING)
        assert (row.status_changed_ms, row.failing_since_ms) == (99_000, since)
        assert row.status_reason.startswith("every attempt failed since ")
        assert row.status_reason.endswith(", for 10s: the webhook was disabled")
        changes = store.webhooks.changes_since(before)
        assert changes is not None
        assert changes.gone == [hook]

    @pytest.mark.parametrize(
        "made",
        [
            [(0, RETRIED), (9_999, GIVEN_UP)],
            [(0, RETRIED)],
            [(0, RETRIED), (4_000, DELIVERED), (10_000, RETRIED)],
            [(0, RETRIED), (10_000, RETRIED), (10_001, DELIVERED)],
            [(0, CANCELLED), (20_000, CANCELLED)],
            [(at, REFUSED) for at in range(0, 20_000, 2_500)],
            [(0, RETRIED), (4_000, REFUSED), (10_000, RETRIED)],
            [(-90_000, RETRIED), (1_000, RETRIED)],
            [(0, RETRIED), (90_000, RETRIED)],
            [(0, RETRIED), (1_000, RETRIED), (90_000, RETRIED), (90_001, RETRIED)],
            [(0, RETRIED), (30_000, RETRIED), (60_000, RETRIED), (62_499, RETRIED)],
        ],
        ids=["not long enough", "one", "one success between", "well again", "no attempts",
             "refused", "one refused between",
             "from before it was enabled", "nothing but silence between", "an outage of ours",
             "several"],
    )  # fmt: skip
    def test_others_are_not(self, store: Store, made: list[tuple[int, Outcome]]) -> None:
        self.attempts(store, add_hook(store), *made)
        assert self.look(store) == []
        assert self.row(store).status is Status.ENABLED

    def test_since_when_it_fails_is_kept_and_forgotten_upon_success(self, store: Store) -> None:
        hook = add_hook(store)
        self.attempts(store, hook, (3, RETRIED), (5, RETRIED))
        revision = store.webhooks.revision()
        self.look(store)
        row = self.row(store)
        assert row.failing_since_ms == row.status_changed_ms + 3
        assert store.webhooks.revision() == revision
        self.attempts(store, hook, (6, DELIVERED))
        self.look(store)
        assert self.row(store).failing_since_ms == 0

    @pytest.mark.parametrize("window", [1, 1_000])
    def test_a_refusal_is_no_failure_and_shows_that_the_receiver_is_there(
        self, store: Store, window: int
    ) -> None:
        hook = add_hook(store)
        self.attempts(store, hook, (3, RETRIED), (5, REFUSED), (6, REFUSED))
        self.look(store, window)
        row = self.row(store)
        assert row.failing_since_ms == 0
        assert (row.delivered, row.failed, row.given_up, row.refused) == (0, 1, 0, 2)

    @pytest.mark.parametrize("window", [1, 1_000])
    def test_every_record_is_counted_once(self, store: Store, window: int) -> None:
        hook = add_hook(store)
        made = [DELIVERED, RETRIED, DELIVERED, GIVEN_UP, DELIVERED, CANCELLED]
        self.attempts(store, hook, *enumerate(made))
        append(store, frame([record(hook + 1)]))  # of a webhook that was deleted
        self.look(store, window)
        row = self.row(store)
        assert (row.delivered, row.failed, row.given_up, row.cancelled) == (3, 2, 1, 1)
        self.look(store)
        store.webhooks.patch("myregistry", "webhook1", scope="other")
        self.attempts(store, hook, (9, DELIVERED))
        self.look(store)
        assert self.row(store).delivered == 4
        ((put, _),) = store.webhooks.put_many([draft()])
        assert (put.delivered, put.failed, put.given_up, put.cancelled) == (4, 2, 1, 1)

    @pytest.mark.parametrize(
        ("own_ms", "disabled"), [(0, False), (5_000, True), (60_000, False)],
        ids=["never", "sooner", "later"],
    )  # fmt: skip
    def test_its_own_time_goes_first(self, store: Store, own_ms: int, *, disabled: bool) -> None:
        hook = add_hook(store)
        store.webhooks.patch("myregistry", "webhook1", disable_after_ms=own_ms)
        self.attempts(store, hook, *((at, RETRIED) for at in range(0, 12_001, 1_000)))
        assert bool(self.look(store)) is disabled

    def test_what_was_looked_at_is_not_looked_at_again(self, store: Store) -> None:
        hook = add_hook(store)
        self.attempts(store, hook, *((at, RETRIED) for at in range(0, 12_001, 1_000)))
        assert self.look(store) == [hook]
        store.webhooks.patch("myregistry", "webhook1", status=Status.ENABLED)
        assert self.look(store) == []
        assert (self.row(store).cause, self.row(store).failing_since_ms) == (Cause.OWNER, 0)

    def test_it_comes_back_unless_its_owner_disabled_it(self, store: Store) -> None:
        hook = add_hook(store)
        assert not store.webhooks.enable(hook, 5)
        store.webhooks.disable(hook, "410 Gone", 4)
        before = store.webhooks.revision()
        assert store.webhooks.enable(hook, 5)
        row = self.row(store)
        assert (row.status, row.status_reason, row.cause) == (Status.ENABLED, "", Cause.OWNER)
        assert (row.status_changed_ms, row.revision) == (5, before + 1)
        store.webhooks.patch("myregistry", "webhook1", status=Status.DISABLED)
        assert not store.webhooks.enable(hook, 6)

    def test_the_owners_status_takes_the_place_of_ours(self, store: Store) -> None:
        hook = add_hook(store)
        store.webhooks.disable(hook, "410 Gone", 4)
        store.webhooks.patch("myregistry", "webhook1", status=Status.DISABLED)
        assert (self.row(store).cause, self.row(store).status_reason) == (Cause.OWNER, "")

    @pytest.mark.parametrize(
        ("cause", "probe", "due"),
        [
            (Cause.FAILING, None, True),
            (Cause.FAILING, False, False),
            (Cause.GONE, None, False),
            (Cause.GONE, True, True),
        ],
    )
    def test_probes_that_are_due(
        self, store: Store, cause: Cause, *, probe: bool | None, due: bool
    ) -> None:
        hook = add_hook(store)
        store.webhooks.patch("myregistry", "webhook1", probe=probe)
        store.webhooks.disable(hook, "why", 1_000, cause)
        claim = store.webhook_health.claim_probes
        assert claim(1_000 + HOUR_MS - 1) == []
        assert claim(1_000 + HOUR_MS) == ([hook] if due else [])
        assert claim(1_000 + HOUR_MS) == []
        assert claim(1_000 + 3 * HOUR_MS) == ([hook] if due else [])

    def test_an_enabled_webhook_is_not_probed(self, store: Store) -> None:
        add_hook(store)
        assert store.webhook_health.claim_probes(2**50) == []

    def test_a_probe_by_hand_counts(self, store: Store) -> None:
        hook = add_hook(store)
        store.webhooks.disable(hook, "why", 1_000, Cause.FAILING)
        assert store.webhook_health.probed(hook, 0, HOUR_MS)
        assert not store.webhook_health.probed(hook, 0, HOUR_MS)
        assert store.webhook_health.claim_probes(1_000 + HOUR_MS) == []
