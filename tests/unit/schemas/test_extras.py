"""Extras: what is kept of untrusted texts, how they travel, and that they change nothing else."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct, structs

from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import Event, PublishedEvent, Request, Target, accept
from portcall.schemas.extras import (
    MAX_PLATFORMS,
    MAX_TAGS,
    MAX_TEXT,
    MAX_WORD,
    Extras,
    SentExtras,
    cleaned,
    kept_text,
    of_source,
    platform_of,
)
from portcall.schemas.frames import (
    decode_deliveries,
    decode_events,
    decode_raw_records,
    encode_deliveries,
    encode_events,
    encode_records,
)
from portcall.schemas.journal import accepted, digest_of
from portcall.schemas.records import Detail, Outcome, RecordOf

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJvY3RvIn0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
SECRETS = {
    "a JWT": JWT,
    "a JWT in other words": f"actor: {JWT}",
    "a JWT with a control character in front": f"\x00{JWT}",
    "a bearer token": "Bearer 0123456789abcdef",
    "basic credentials": "basic b2N0bzpzZWNyZXQ=",
    "a URL with user info": "https://octo:secret@registry.example.com/",
    "a URL that is a capability": "https://registry.hub.docker.com/u/acme/cart/hook/abc/",
    "GitHub's": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "GitHub's, fine-grained": "github_pat_11ABCDEFG0123456789abcdef",
    "GitLab's": "glpat-abcdefghij0123456789",
    "Docker Hub's": "dckr_pat_abcdefghij0123456789",
    "AWS's key": "AKIAIOSFODNN7EXAMPLE",
    "Artifactory's": "AKCp8budTFpbypBqQbGJPz3pGCi28pPivfWczqjfYb9drAmd9LbRZbj6UpKFxJXA8",
    "Google's": "ya29.a0AfH6SMBx0123456789",
    "a signing secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "a private key": "-----BEGIN EC PRIVATE KEY-----",
}
NAMES = (
    "octo",
    "robot$shop+ci",
    "harbor-jobservice",
    "octo@acme.test",
    "system:serviceaccount:build:ci",
    "arn:aws:iam::111122223333:user/ci",
    "José Ångström",
    "glenn-mcdonald-the-third",
    "basic robot",
    "keyJammer-of-the-bots",
    "5f0d3c9e-8a3b-4b7e-9c55-0d3a7be1d6a1",
    "sha256:" + "5f0c" * 16,
)
FULL = Extras(
    kind="harbor",
    source="main",
    source_id="3c0e",
    actor="robot$shop+ci",
    artifact_type="image",
    platforms=("linux/arm64",),
    backfilled=True,
)
PUBLISHED = PublishedEvent(
    action="push",
    target=Target(repository="team/app", tag="v1", digest="sha256:" + "5f0c" * 16),
    request=Request(id="r-1", host="registry.example.com", method="PUT"),
)


class EventBefore(Struct, frozen=True, omit_defaults=True):
    """`Event` as it was before extras."""

    id: str
    registry: str
    action: str
    accepted_ms: int
    body: msgspec.Raw
    repository: str = ""
    tag: str = ""


class FrameBefore(Struct, frozen=True):
    v: int
    events: list[EventBefore]


def event(extras: Extras | None, published: PublishedEvent = PUBLISHED) -> Event:
    return accept(
        published,
        registry="myregistry",
        new_id="e-1",
        now_ms=1,
        now="2026-01-01T00:00:00.000Z",
        extras=extras,
    )


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS)
def test_a_credential_is_not_kept(text: str) -> None:
    assert kept_text(text, MAX_TEXT) == ""
    told = event(Extras(actor=text, source_id=text, artifact_type=text, platforms=(text,)))
    assert told.extras is None
    assert text[-12:].encode() not in encode_events([told])


@pytest.mark.parametrize("text", NAMES)
def test_a_name_is_kept(text: str) -> None:
    assert kept_text(text, MAX_TEXT) == text


def test_a_long_text_is_cut_and_never_refused() -> None:
    told = event(
        Extras(
            actor="a" * 100_000,
            source_id="b" * 100_000,
            artifact_type="c" * 100_000,
            platforms=tuple(f"linux/{number}" for number in range(1000)),
        )
    ).extras
    assert told is not None
    assert (len(told.actor), len(told.source_id)) == (MAX_TEXT, MAX_TEXT)
    assert len(told.artifact_type) == MAX_WORD
    assert len(told.platforms) == MAX_PLATFORMS


@given(st.text(max_size=600))
def test_what_is_kept_is_one_printable_line(text: str) -> None:
    kept = kept_text(text, MAX_TEXT)
    assert kept.isprintable()
    assert len(kept) <= MAX_TEXT
    assert kept_text(kept, MAX_TEXT) in (kept, "")


def test_control_characters_become_spaces() -> None:
    assert kept_text("a\x1b[31mb\r\n\tc\u202ed\x00e\x7f", MAX_TEXT) == "a [31mb c d e"


@pytest.mark.parametrize(
    ("parts", "platform"),
    [
        (("linux", "amd64"), "linux/amd64"),
        (("linux", "arm", "v7"), "linux/arm/v7"),
        (("unknown", "unknown"), ""),
        (("", "amd64"), ""),
    ],
)
def test_a_platform_is_written_as_clients_do(parts: tuple[str, ...], platform: str) -> None:
    assert platform_of(*parts) == platform


def test_nothing_told_is_nothing_kept() -> None:
    assert cleaned(Extras()) is None
    assert cleaned(Extras(actor="\x00 \n", platforms=("",))) is None
    assert cleaned(Extras(tags=("", "a b", ".v1", "v" * 129))) is None


def test_the_tags_of_a_delete_are_each_named_once_and_not_without_end() -> None:
    told = SentExtras(tags=["v1", "v1", "no tag", *(f"v{number}" for number in range(2, 500))])
    kept = cleaned(told.extras)
    assert kept is not None
    assert kept.tags == tuple(f"v{number}" for number in range(1, MAX_TAGS + 1))
    assert event(None).extras is None


def test_an_event_without_extras_has_the_same_bytes_as_before() -> None:
    told = event(None)
    before = EventBefore(*(getattr(told, name) for name in EventBefore.__struct_fields__))
    assert encode_events([told]) == msgspec.json.encode(FrameBefore(1, [before]))


def test_extras_never_change_the_payload_or_the_identity() -> None:
    plain, told = event(None), event(FULL)
    assert told.extras == FULL
    assert bytes(told.body) == bytes(plain.body)
    assert digest_of(told) == digest_of(plain)
    without_facts = structs.replace(accepted(told), artifact_type="unknown")
    assert without_facts == accepted(plain)


def test_extras_travel_in_every_frame() -> None:
    told = event(FULL)
    detail = msgspec.Raw(msgspec.json.encode(Detail()))
    record = RecordOf(0, 7, 1, Outcome.DELIVERED, 200, 1, 1, detail)
    frames = (
        decode_events(encode_events([told])).events,
        decode_deliveries(encode_deliveries([told], [Delivery(0, 7)])).events,
        decode_raw_records(encode_records("f", [told], [record])).events,
    )
    assert all(events == [told] for events in frames)


def test_an_earlier_version_reads_the_frame_and_drops_them() -> None:
    """A router of an earlier version passes the event on without them."""
    told = event(FULL)
    frame = msgspec.json.decode(encode_events([told]), type=FrameBefore)
    (again,) = decode_events(msgspec.json.encode(frame)).events
    assert again == event(None)
    assert digest_of(again) == digest_of(told)


def test_a_later_version_may_tell_more() -> None:
    body = encode_events([event(FULL)]).replace(b'"kind":', b'"later":[1],"kind":')
    assert decode_events(body).events[0].extras == FULL


def test_people_tell_extras_under_portcall() -> None:
    sent = SentExtras(actor="ci\n", artifact_type=None, platforms=["linux/amd64"], backfilled=True)
    told = event(None, msgspec.structs.replace(PUBLISHED, portcall=sent))
    assert told.extras == Extras(actor="ci", platforms=("linux/amd64",), backfilled=True)
    assert b"portcall" not in bytes(told.body)


def test_a_source_adds_its_kind_and_its_name() -> None:
    told = of_source(Extras(actor="ci"), "harbor", "main")
    assert told == Extras(kind="harbor", source="main", actor="ci")
