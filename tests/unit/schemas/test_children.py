"""The children of an index: which are kept, and how a payload lists them."""

import msgspec
import pytest

from portcall.schemas.children import MAX_CHILDREN, Child, listed, with_children
from portcall.schemas.events import PublishedEvent, Target, accept
from portcall.schemas.extras import Extras, cleaned

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ([Child(A, "linux/amd64"), Child(B)], (Child(A, "linux/amd64"), Child(B))),
        ([Child(A), Child(A, "linux/amd64")], (Child(A),)),
        ([Child(""), Child("no digest"), Child("sha256:" + "x" * 300), Child(B)], (Child(B),)),
        ([], ()),
    ],
    ids=["all", "once", "odd", "none"],
)
def test_the_children_that_are_kept(told: list[Child], kept: tuple[Child, ...]) -> None:
    assert listed(told) == kept


def test_only_so_many_are_kept() -> None:
    many = [Child(f"sha256:{each:064x}") for each in range(MAX_CHILDREN + 50)]
    assert listed(many) == tuple(many[:MAX_CHILDREN])


def test_a_platform_is_a_text_that_others_choose() -> None:
    odd = Child(A, "linux/amd64\n" + "x" * 100)
    kept = cleaned(Extras(children=(odd, Child(B, "https://user:secret@host"))))
    assert kept is not None
    assert kept.children[0].platform.startswith("linux/amd64 xxx")
    assert [len(each.platform) for each in kept.children] == [64, 0]


def test_a_payload_lists_them_behind_acrs_fields() -> None:
    said = with_children(b'{"id":"e","target":{"tag":"v1"}}', [Child(A, "linux/arm64"), Child(B)])
    assert said == (
        b'{"id":"e","target":{"tag":"v1"},"portcall":{"children":['
        b'{"digest":"%b","platform":"linux/arm64"},{"digest":"%b"}]}}' % (A.encode(), B.encode())
    )


def test_people_may_list_them_in_their_own_events() -> None:
    sent = msgspec.json.decode(
        msgspec.json.encode(
            {
                "action": "push",
                "target": {"repository": "app", "tag": "v1"},
                "portcall": {"children": [{"digest": A, "platform": None}, {"platform": "linux"}]},
            }
        ),
        type=PublishedEvent,
    )
    event = accept(sent, registry="r", new_id="e", now_ms=1, now="now")
    assert event.extras == Extras(children=(Child(A),))
    assert b"children" not in bytes(event.body)


def test_a_target_is_not_needed_for_an_empty_list() -> None:
    sent = PublishedEvent(action="push", target=Target(repository="app"))
    assert accept(sent, registry="r", new_id="e", now_ms=1, now="now").extras is None
