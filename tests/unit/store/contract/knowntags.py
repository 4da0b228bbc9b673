"""What every store does with known tags."""

import msgspec
import pytest
from sqlalchemy import Connection

from portcall.schemas.events import Event
from portcall.schemas.journal import accepted, routed
from portcall.schemas.webhooks import Sku
from portcall.store.engine import Store
from portcall.store.intake import known_tags
from portcall.store.intake.known_tags import BEGINNING, Adopted, KnownTag, Place
from tests.unit.store.contract.notes import T, note

A, B = (f"sha256:{letter * 64}" for letter in "ab")


def event(
    action: str,
    tag: str = "",
    digest: str | None = None,
    *,
    at_ms: int = T,
    repository: str = "team/app",
) -> Event:
    target = {"repository": repository} | ({"digest": digest} if digest else {})
    body = msgspec.Raw(msgspec.json.encode({"id": "1", "action": action, "target": target}))
    return Event(f"{action}{at_ms}", "myregistry", action, at_ms, body, repository, tag)


def enter(store: Store, *events: Event) -> None:
    note(store, *(accepted(each) for each in events))


def known(store: Store, repository: str | None = None, after: Place = BEGINNING) -> list[KnownTag]:
    return store.tags.page("myregistry", repository=repository, after=after, limit=100)


def digests(store: Store) -> dict[str, str]:
    return {f"{each.repository}:{each.tag}": each.digest for each in known(store)}


class KnownTagsContract:
    def test_a_push_makes_its_tag_known_and_the_newest_counts(self, store: Store) -> None:
        enter(store, event("push", "v1", A), event("push", "v1", B, at_ms=T + 1))
        enter(store, event("push", "v1", A, at_ms=T - 1))
        assert known(store) == [KnownTag("team/app", "v1", B, T + 1)]

    def test_two_pushes_in_one_millisecond_count_in_their_order(self, store: Store) -> None:
        enter(store, event("push", "v1", A), event("push", "v1", B))
        assert digests(store) == {"team/app:v1": B}

    def test_the_note_of_the_router_is_enough(self, store: Store) -> None:
        note(store, routed(event("push", "v1", A), []))
        assert digests(store) == {"team/app:v1": A}

    def test_a_push_without_a_tag_makes_none_known(self, store: Store) -> None:
        enter(store, event("push", "", A), event("chart_push", "v1", A))
        assert known(store) == []

    def test_a_push_without_a_digest_makes_its_tag_known(self, store: Store) -> None:
        enter(store, event("push", "v1"))
        assert digests(store) == {"team/app:v1": ""}

    @pytest.mark.parametrize("together", [True, False])
    def test_a_note_of_an_earlier_version_takes_no_digest_away(
        self, store: Store, *, together: bool
    ) -> None:
        push = event("push", "v1", A)
        earlier = msgspec.structs.replace(routed(push, []), manifest="")
        for notes in ([accepted(push), earlier],) if together else ([accepted(push)], [earlier]):
            note(store, *notes)
        assert digests(store) == {"team/app:v1": A}

    def test_a_delete_takes_every_tag_of_its_digest_in_its_repository(self, store: Store) -> None:
        enter(
            store,
            *(event("push", tag, A) for tag in ("v1", "v2")),
            event("push", "v3", B),
            event("push", "v1", A, repository="team/web"),
            event("delete", "", A, at_ms=T + 1),
        )
        assert digests(store) == {"team/app:v3": B, "team/web:v1": A}

    def test_a_delete_of_a_tag_alone_takes_that_one(self, store: Store) -> None:
        enter(store, event("push", "v1", A), event("push", "v2", A))
        enter(store, event("delete", "v1", at_ms=T + 1))
        assert digests(store) == {"team/app:v2": A}

    def test_a_late_note_of_the_push_does_not_bring_a_deleted_tag_back(self, store: Store) -> None:
        push = event("push", "v1", A)
        enter(store, push, event("delete", "", A, at_ms=T + 1))
        note(store, routed(push, []))
        assert known(store) == []
        enter(store, event("push", "v1", A, at_ms=T + 2))
        assert digests(store) == {"team/app:v1": A}

    def test_a_delete_that_was_accepted_before_a_push_does_not_take_it(self, store: Store) -> None:
        enter(store, event("push", "v1", A, at_ms=T + 1))
        enter(store, event("delete", "", A))
        assert digests(store) == {"team/app:v1": A}

    def test_pages_follow_each_other_by_repository_and_tag(self, store: Store) -> None:
        places = [("a", "v2"), ("a", "v10"), ("b", "v1"), ("a/b", "v1")]
        enter(store, *(event("push", tag, A, repository=name) for name, tag in places))
        found: list[Place] = []
        after = BEGINNING
        while page := store.tags.page("myregistry", repository=None, after=after, limit=1):
            after = (page[0].repository, page[0].tag)
            found.append(after)
        assert sorted(places) == sorted(found)
        assert len(found) == len(set(found)) == 4
        assert {each.tag for each in known(store, "a")} == {"v2", "v10"}
        assert store.tags.page("other", repository=None, after=BEGINNING, limit=9) == []

    def test_adopted_tags_count_as_seen_until_a_later_event(self, store: Store) -> None:
        enter(store, event("push", "v1", A), event("push", "v2", A))
        store.tags.adopt(
            "myregistry",
            [Adopted("team/app", "v1", B), Adopted("team/app", "v2", None)],
            T + 10,
        )
        assert digests(store) == {"team/app:v1": B}
        enter(store, event("push", "v1", A, at_ms=T + 11))
        assert digests(store) == {"team/app:v1": A}

    def test_deleted_tags_are_pruned_by_age_and_others_by_number(self, store: Store) -> None:
        enter(store, *(event("push", f"v{n}", A, at_ms=T + n) for n in range(5)))
        enter(store, event("delete", "v0", at_ms=T + 9))
        assert store.tags.prune(T + 9, most=9, limit=9) == 0
        assert store.tags.prune(T + 10, most=9, limit=9) == 1
        assert store.tags.prune(0, most=2, limit=1) == 1
        assert store.tags.prune(0, most=2, limit=9) == 1
        assert set(digests(store)) == {"team/app:v3", "team/app:v4"}

    def test_a_tag_that_is_pushed_while_it_is_pruned_stays(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = known_tags._oldest
        enter(store, *(event("push", f"v{n}", A, at_ms=T + n) for n in range(3)))

        def oldest(connection: Connection, is_there: int, limit: int, *before_ms: int) -> object:
            if found := real(connection, is_there, limit, *before_ms):
                enter(store, event("push", "v0", B, at_ms=T + 9))
            return found

        monkeypatch.setattr(known_tags, "_oldest", oldest)
        assert store.tags.prune(0, most=1, limit=9) == 1
        assert digests(store) == {"team/app:v0": B, "team/app:v2": A}

    def test_a_digest_that_is_no_digest_is_left_out(self, store: Store) -> None:
        enter(store, event("push", "v1", "x" * 400), event("push", "v2", "a\0b"))
        assert known(store) == []

    def test_tags_go_with_their_registry(self, store: Store) -> None:
        store.registries.put(
            "MyRegistry", location="here", sku=Sku.BASIC, tags={}, resource_group="portcall"
        )
        enter(store, event("push", "v1", A))
        store.registries.delete("myregistry")
        assert known(store) == []
