"""What every store does with notes of ignored notifications, and of deleted tags."""

from dataclasses import replace

import msgspec
import pytest

from portcall.schemas.deletes import DeletedTag
from portcall.schemas.events import Event
from portcall.schemas.extras import Extras
from portcall.schemas.filters import Filters
from portcall.schemas.frames import decode_raw_journal
from portcall.schemas.journal import accepted
from portcall.schemas.topology import JOURNAL
from portcall.schemas.webhooks import Status
from portcall.store.engine import Store
from portcall.store.intake.known_tags import Adopted
from tests.unit.store.contract.notes import (
    T,
    bad,
    enter,
    event,
    note,
    pulled,
    read,
    take,
    untagged,
)
from tests.unit.store.samples import add_registry, draft

D = "sha256:" + "d" * 64


def deleted(event_id: str, *, request: str = "r-1") -> Event:
    """The delete of a manifest."""
    body = {"target": {"digest": D}, "request": {"id": request}}
    raw = msgspec.Raw(msgspec.json.encode(body))
    return Event(event_id, "myregistry", "delete", T, raw, "team/app")


class DeletedTagsContract:
    """The tags of a delete are found by the request that deleted them."""

    KEY = ("myregistry", "r-1", "team/app")

    def test_they_are_those_of_the_same_request_registry_and_repository(self, store: Store) -> None:
        others = [
            untagged("x", request_id="r-2"),
            untagged("x", registry="other"),
            untagged("x", repository="team/other"),
            untagged("x", request_id=""),
            msgspec.structs.replace(untagged("x"), reason="pull"),
        ]
        take(store, ignored=[untagged("v1"), *others])
        take(store, ignored=[untagged("v1"), untagged("latest"), pulled("y")])
        other_key = ("other", "r-1", "team/app")
        found = store.journal.deleted_tags([self.KEY, other_key, ("myregistry", "r-3", "team/app")])
        assert found == {self.KEY: ["v1", "latest"], other_key: ["x"]}
        assert store.journal.deleted_tags([]) == {}

    def test_they_are_still_found_as_ignored(self, store: Store) -> None:
        take(store, ignored=[untagged("v1")])
        (found,) = store.journal.ignored("myregistry", "of-v1")
        assert (found.reason, found.tag) == ("tag_delete", "v1")

    def test_the_newest_of_a_registry_are_found(self, store: Store) -> None:
        others = [untagged("x", registry="other"), pulled("y"), bad("z")]
        take(store, ignored=[untagged("v1"), *others, untagged("v2"), untagged("v3")])
        found = store.journal.newest_ignored_tags("myregistry", 2)
        assert [(each.event_id, each.tag) for each in found] == [("of-v3", "v3"), ("of-v2", "v2")]
        assert len(store.journal.newest_ignored_tags("myregistry", 9)) == 3
        assert store.journal.newest_ignored_tags("none", 9) == []

    def test_very_many_are_shown_in_part(self, store: Store) -> None:
        take(store, ignored=[untagged(f"v{number}") for number in range(150)])
        assert len(store.journal.deleted_tags([self.KEY])[self.KEY]) == 100

    def test_they_are_forgotten_with_the_events_of_their_time(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        take(store, ignored=[untagged("old"), *(untagged(f"v{n}", T + 100) for n in range(5))])
        store.journal.prune(T + 50, limit=10)
        assert store.journal.deleted_tags([self.KEY])[self.KEY] == ["v0", "v1", "v2", "v3", "v4"]
        monkeypatch.setattr("portcall.store.intake.deleted_tags.KEPT", 2)
        store.journal.prune(T + 50, limit=10)
        assert store.journal.deleted_tags([self.KEY])[self.KEY] == ["v3", "v4"]

    def test_a_delete_is_given_those_of_its_request(self, store: Store) -> None:
        told = [
            DeletedTag(*key, tag, T)
            for key in (self.KEY, ("other", *self.KEY[1:]))
            for tag in ("b", "a")
        ]
        store.deleted_tags.tell(told[:3])
        take(store, ignored=[untagged("b"), untagged("c")])  # the recorder writes them, too
        mine, push = deleted("e1"), msgspec.structs.replace(deleted("e2"), action="push")
        named = store.deleted_tags.named([push, mine, deleted("e3", request="r-9")])
        assert [(each.extras or Extras()).tags for each in named] == [(), ("b", "a", "c"), ()]
        assert store.deleted_tags.named([push]) == [push]
        assert store.deleted_tags.named([]) == []

    def test_a_delete_of_which_none_are_told_is_given_those_that_named_its_digest(
        self, store: Store
    ) -> None:
        adopt = [
            Adopted("team/app", tag, digest) for tag, digest in (("b", D), ("a", D), ("c", "x"))
        ]
        store.tags.adopt("myregistry", [*adopt, Adopted("team/other", "d", D)], T - 9)
        store.tags.adopt("myregistry", [Adopted("team/app", "later", D)], T + 1)
        gone = deleted("e1", request="")

        def tags(at: Event) -> tuple[str, ...]:
            (named,) = store.deleted_tags.named([at])
            return (named.extras or Extras()).tags

        assert tags(gone) == ("a", "b")
        note(store, accepted(gone))
        assert tags(gone) == ("a", "b")  # the recorder has taken its note
        again = msgspec.structs.replace(gone, accepted_ms=T + 100)
        assert tags(again) == ("a", "b", "later")
        assert tags(msgspec.structs.replace(gone, accepted_ms=T + 90_000)) == ("later",)
        take(store, ignored=[untagged("z")])
        assert tags(deleted("e2")) == ("z",)

    def test_registries_whose_webhooks_ask_for_them_are_known(self, store: Store) -> None:
        add_registry(store)
        drafts = [
            draft("webhook1"),
            replace(draft("webhook2"), filters=Filters(tagged_only=True)),
            replace(draft("webhook3"), filters=Filters(tags_on_delete=True)),
        ]
        store.webhooks.put_many(drafts[:2])
        assert store.subscribers.untagging() == frozenset()
        store.webhooks.put_many(drafts)
        assert store.subscribers.untagging() == {"myregistry"}
        store.webhooks.patch("myregistry", "webhook3", status=Status.DISABLED)
        assert store.subscribers.untagging() == frozenset()


class IgnoredContract:
    """What became no event is found by its id, and is bounded."""

    def test_it_is_found_by_registry_and_id_as_soon_as_it_is_stored(self, store: Store) -> None:
        take(store, accepted(event("a")), ignored=[bad("x"), pulled("y")])
        take(store, ignored=[bad("x", T + 5, tag="-")])
        newest, older = store.journal.ignored("myregistry", "x")
        assert (newest.ignored_ms, newest.tag, older.ignored_ms, older.tag) == (T + 5, "-", T, "")
        assert (newest.reason, newest.place) == ("bad_tag", "events[0].target.tag")
        assert newest.problem == "is not a tag" and newest.action == "push"
        assert [each.reason for each in store.journal.ignored("myregistry", "y")] == ["pull"]
        assert store.journal.ignored("other", "x") == store.journal.ignored("myregistry", "a") == []

    def test_a_frame_that_comes_twice_is_kept_once(self, store: Store) -> None:
        for _ in range(2):
            take(store, frame_id="same", ignored=[bad("x")])
        assert len(store.journal.ignored("myregistry", "x")) == 1

    def test_it_is_no_event_of_the_accounts(self, store: Store) -> None:
        take(store, ignored=[bad("x"), pulled("y")])
        enter(store)
        assert read(store).registries == ()
        assert store.journal.of_id("x") == []

    def test_it_is_counted_by_registry_and_reason(self, store: Store) -> None:
        take(store, ignored=[pulled("a"), pulled("b", T + 9), bad("c"), bad("d", registry="other")])
        told = [
            (each.registry, each.reason, each.is_unread, each.count, each.last_ms)
            for each in store.journal.ignored_kinds(T)
        ]
        assert told == [
            ("myregistry", "bad_tag", True, 1, T),
            ("myregistry", "pull", False, 2, T + 9),
            ("other", "bad_tag", True, 1, T),
        ]
        assert [each.event_id for each in store.journal.newest_unread(T, 10)] == ["d", "c"]
        assert store.journal.newest_unread(T + 1, 10) == []
        assert [each.count for each in store.journal.ignored_kinds(T + 1)] == [1]

    def test_what_no_column_holds_is_left_out_and_the_rest_kept(self, store: Store) -> None:
        odd = [
            bad("nul", tag="\0"),
            bad("long", problem="p" * 601),
            bad("early", -1),
            bad("late", 2**63),
            bad("x" * 601),
            bad("good", repository="r" * 511, problem="é" * 600),
        ]
        take(store, ignored=odd)
        assert [each.event_id for each in store.journal.newest_unread(0, 10)] == ["good"]

    def test_notes_that_are_none_are_left_out(self, store: Store) -> None:
        for number, ignored in enumerate((b"7", b'[7,["x"],["a","b",1,"pull"]]', b'{"a":1}')):
            body = b'{"v":1,"id":"f%d","notes":[],"ignored":%b}' % (number, ignored)
            position = store.journal.position(JOURNAL)
            offset = position.offset + 1 if position else 0
            store.journal.append(JOURNAL, position, [(offset, decode_raw_journal(body))])
        assert [each.registry for each in store.journal.ignored_kinds(0)] == ["b"]

    def test_it_is_forgotten_with_the_events_of_its_time(self, store: Store) -> None:
        take(store, ignored=[bad("old"), pulled("older"), bad("new", T + 100)])
        store.journal.prune(T + 50, limit=10)
        assert store.journal.ignored("myregistry", "old") == []
        assert len(store.journal.ignored("myregistry", "new")) == 1

    def test_pulls_push_out_pulls_and_not_what_cannot_be_read(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("portcall.store.intake.ignored.KEPT", 3)
        take(store, ignored=[bad("bad"), *(pulled(f"p{number}") for number in range(10))])
        store.journal.prune(0, limit=10)
        kinds = [(each.reason, each.count) for each in store.journal.ignored_kinds(0)]
        assert kinds == [("bad_tag", 1), ("pull", 3)]
        assert store.journal.ignored("myregistry", "p9") and not store.journal.ignored(
            "myregistry", "p6"
        )
