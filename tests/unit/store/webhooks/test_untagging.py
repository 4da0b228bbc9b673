"""Which registries have a webhook that wants to hear of deleted tags."""

from portcall.schemas.events import Action
from portcall.schemas.journal import Note
from portcall.schemas.webhooks import Status
from portcall.store.engine import Store
from portcall.store.intake.known_tags import BEGINNING
from tests.unit.store.contract.notes import note
from tests.unit.store.samples import PUSH, add_registry, draft

UNTAG = Action.UNTAG.bit


def test_only_enabled_webhooks_with_the_action_count(store: Store) -> None:
    for name in ("first", "second", "third"):
        add_registry(store, name)
    store.webhooks.put_many(
        [
            draft("webhook1", registry="first", actions=PUSH | UNTAG),
            draft("webhook2", registry="first", actions=UNTAG),
            draft("webhook3", registry="second", actions=UNTAG, status=Status.DISABLED),
            draft("webhook4", registry="third", actions=UNTAG - 1),
        ]
    )
    assert store.subscribers.untagging() == frozenset({"first"})
    store.webhooks.patch("second", "webhook3", status=Status.ENABLED)
    assert store.subscribers.untagging() == frozenset({"first", "second"})


def test_a_deleted_tag_is_known_as_such(store: Store) -> None:
    def told(action: str, at_ms: int, tag: str) -> Note:
        manifest = "sha256:a" if action == "push" else ""
        digest = f"{at_ms:032x}"
        return Note(digest, f"e{at_ms}", "myregistry", at_ms, None, action, "app", tag, manifest)

    note(store, told("push", 1, "v1"), told("push", 2, "v2"), told("untag", 3, "v1"))
    known = store.tags.page("myregistry", repository=None, after=BEGINNING, limit=9)
    assert [each.tag for each in known] == ["v2"]
