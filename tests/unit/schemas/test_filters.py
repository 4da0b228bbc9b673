"""What filters hold back, and how they are read and written."""

import msgspec
import pytest

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Event
from portcall.schemas.extras import Extras
from portcall.schemas.filter_words import filters_in, marks_of, words_of
from portcall.schemas.filters import (
    TYPES,
    Facts,
    Filters,
    facts_by_tag,
    facts_of,
    held_back,
    read_filters,
    why,
)

HEX = "0123456789abcdef" * 4
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def event(
    tag: str = "",
    *,
    action: str = "push",
    media_type: str = MANIFEST,
    extras: Extras | None = None,
) -> Event:
    body = msgspec.json.encode({"target": {"mediaType": media_type}})
    return Event("e", "registry", action, 1, msgspec.Raw(body), "app", tag, extras)


EVENTS: dict[str, tuple[Event, Facts]] = {
    "image, type not told": (event("v1"), Facts("push", "v1")),
    "image": (event("v1", extras=Extras(artifact_type="image")), Facts("push", "v1", "image")),
    "index by its media type": (event("v1", media_type=INDEX), Facts("push", "v1", "index")),
    "a type of its own": (
        event("v1", extras=Extras(artifact_type="acme")), Facts("push", "v1", "other"),
    ),
    "referrers tag": (
        event(f"sha256-{HEX}"), Facts("push", f"sha256-{HEX}", "index", is_referrer=True),
    ),
    "referrers tag of a sha512": (
        event(f"sha512-{HEX}"), Facts("push", f"sha512-{HEX}", is_referrer=True),
    ),
    "cosign's tag": (
        event(f"sha256-{HEX}.sig"),
        Facts("push", f"sha256-{HEX}.sig", "signature", is_referrer=True),
    ),
    "a tag that looks like one": (event("sha256-abc"), Facts("push", "sha256-abc")),
    "attestation without a tag": (
        event(extras=Extras(artifact_type="attestation")),
        Facts("push", "", "attestation", is_referrer=True),
    ),
    "an SBOM with a tag of its own": (
        event("sbom-1", extras=Extras(artifact_type="sbom")), Facts("push", "sbom-1", "sbom"),
    ),
    "delete of a referrer": (
        event(action="delete", extras=Extras(referrer=True)),
        Facts("delete", is_referrer=True),
    ),
    "chart": (event("v1", action="chart_push"), Facts("chart_push", "v1", "helm")),
}  # fmt: skip


@pytest.mark.parametrize("name", EVENTS)
def test_facts_of_an_event(name: str) -> None:
    sent, facts = EVENTS[name]
    assert facts_of(sent) == facts


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"target":null}', b'{"target":{"mediaType":1}}'])
def test_a_body_that_tells_nothing_is_no_error(body: bytes) -> None:
    sent = Event("e", "registry", "push", 1, msgspec.Raw(body), "app", "v1")
    assert facts_of(sent) == Facts("push", "v1")


@pytest.mark.parametrize(
    ("filters", "facts", "name"),
    [
        (Filters(), Facts("push"), ""),
        (Filters(tagged_only=True), Facts("push", "v1"), ""),
        (Filters(tagged_only=True), Facts("push"), "taggedOnly"),
        (Filters(tagged_only=True), Facts("delete"), "taggedOnly"),
        (Filters(no_referrers=True), Facts("push", "v1"), ""),
        (Filters(no_referrers=True), Facts("push", is_referrer=True), "noReferrers"),
        (Filters(artifact_types=("image", "index")), Facts("push", "v1", "index"), ""),
        (Filters(artifact_types=("image",)), Facts("push", "v1"), "artifactTypes"),
        (Filters(artifact_types=("unknown",)), Facts("push", "v1"), ""),
        (
            Filters(tagged_only=True, no_referrers=True),
            Facts("push", is_referrer=True),
            "taggedOnly",
        ),
        (Filters(changed_only=True), Facts("push"), ""),
        (Filters(coalesce="1m"), Facts("push"), ""),
    ],
)
def test_the_first_filter_that_holds_it_back_is_named(
    filters: Filters, facts: Facts, name: str
) -> None:
    assert held_back(filters, facts) == name
    if name:
        assert why(name, facts, filters).startswith(f"{name}: ")


def test_a_filter_of_a_later_version_is_named_all_the_same() -> None:
    assert why("laterOnly", Facts("push")) == "laterOnly"


@pytest.mark.parametrize(
    ("words", "filters"),
    [
        ("", None),
        ("taggedOnly", Filters(tagged_only=True)),
        ("tagged-only,NO-REFERRERS changedonly",
         Filters(tagged_only=True, no_referrers=True, changed_only=True)),
        ("artifactTypes=index,image", Filters(artifact_types=("image", "index"))),
        ("artifactTypes=index artifact-types=image", Filters(artifact_types=("image", "index"))),
        ("artifactTypes= image", Filters(artifact_types=("image",))),
        ("coalesce", Filters(coalesce="1m")),
        ("taggedOnly Coalesce=90s", Filters(tagged_only=True, coalesce="90s")),
        ("coalesce=60000ms", Filters(coalesce="1m")),
        ("coalesce=", None),
    ],
)  # fmt: skip
def test_words_stand_for_filters(words: str, filters: Filters | None) -> None:
    assert read_filters(filters_in(words)) == filters
    if filters:
        assert read_filters(filters_in(marks_of(filters))) == filters


@pytest.mark.parametrize(
    ("filters", "wait_ms"),
    [
        (Filters(), 0),
        (Filters(coalesce="1m"), 60_000),
        (Filters(coalesce="2d"), 3_600_000),
        (Filters(coalesce="a word of a later version"), 60_000),
    ],
)
def test_how_long_a_push_waits_for_its_index(filters: Filters, wait_ms: int) -> None:
    assert filters.wait_ms == wait_ms


def test_false_is_no_wait() -> None:
    assert read_filters({"coalesce": False, "taggedOnly": True}) == Filters(tagged_only=True)


def test_people_read_filters_as_they_write_them_and_a_form_has_a_mark_for_each_type() -> None:
    filters = Filters(tagged_only=True, artifact_types=("image", "index"))
    told = words_of({"taggedOnly": True, "artifactTypes": ["image", "index"]})
    assert told == "taggedOnly artifactTypes=image,index"
    assert marks_of(filters) == "taggedOnly artifactTypes=image artifactTypes=index"
    assert filters_in("tags-on-delete") == {"tagsOnDelete": True}
    assert read_filters({"tagsOnDelete": True}) == Filters(tags_on_delete=True)
    assert words_of({"tagsOnDelete": True, "coalesce": "1m"}) == "tagsOnDelete coalesce=1m"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("taggedOnly", "filters"),
        ([], "filters"),
        ({"taggedOnly": 1}, "filters.taggedOnly"),
        ({"coalesce": 60}, "filters.coalesce"),
        ({"tagsOnDelete": "2s"}, "filters.tagsOnDelete"),
        ({"coalesce": "soon"}, "filters.coalesce"),
        ({"coalesce": "999ms"}, "filters.coalesce"),
        ({"coalesce": "61m"}, "filters.coalesce"),
        ({"tagged": True}, "filters.tagged"),
        ({"artifactTypes": "image"}, "filters.artifactTypes"),
        ({"artifactTypes": ["image", "x"]}, "filters.artifactTypes[1]"),
        ({"artifactTypes": [{}]}, "filters.artifactTypes[0]"),
        (filters_in("nonsense"), "filters.nonsense"),
        (filters_in("taggedOnly=yes"), "filters.taggedOnly"),
    ],
)
def test_what_is_no_filter_is_named(value: object, field: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        read_filters(value)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("words", "field", "problem"),
    [
        ("artifactTypes=", "artifactTypes", "name at least one type, as in artifactTypes=image,index"),
        ("artifactTypes", "artifactTypes", "name at least one type"),
        ("artifactTypes=imag", "artifactTypes[0]",
         "'imag' is not an artifact type; did you mean image?"),
        ("artifactTypes=jar", "artifactTypes[0]",
         "'jar' is not an artifact type: it is one of image, index, helm"),
        ("coalesce=1m coalesce=2m", "coalesce", "is given more than once: give it once"),
        ("taggedOnly tagged-only", "taggedOnly", "is given more than once"),
        ("tagsOnDelete=2s", "tagsOnDelete", "takes no value such as '2s'; in JSON it is true or"),
        ("tagedOnly", "tagedOnly", "is no filter; did you mean taggedOnly?"),
        ("colaesce=1m", "colaesce", "is no filter; did you mean coalesce=1m?"),
        ("artifacttype=image", "artifacttype",
         "is no filter; did you mean artifactTypes=image,index?"),
        ("artifactTypes=index,imag", "imag", "is no filter; did you mean artifactTypes=image?"),
        ("nope", "nope", (
            "is no filter; there are taggedOnly, noReferrers, artifactTypes=image,index,"
            " changedOnly, coalesce=1m, tagsOnDelete"
        )),
    ],
)  # fmt: skip
def test_a_wrong_word_is_answered_with_what_to_write(words: str, field: str, problem: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        read_filters(filters_in(words))
    assert refused.value.field == f"filters.{field}"
    assert refused.value.problem.startswith(problem)


@pytest.mark.parametrize(
    "value", [None, {}, {"taggedOnly": None}, {"artifactTypes": None}, {"artifactTypes": []}]
)
def test_nothing_is_no_filter(value: object) -> None:
    assert read_filters(value) is None


def test_every_type_may_be_wanted() -> None:
    assert read_filters({"artifactTypes": list(reversed(TYPES))}) == Filters(artifact_types=TYPES)


@pytest.mark.parametrize(
    ("action", "tag", "expected"),
    [
        ("push", "v1", Facts("push", "v1", "unknown")),
        (
            "push",
            f"sha256-{HEX}.sig",
            Facts("push", f"sha256-{HEX}.sig", "signature", is_referrer=True),
        ),
        ("chart_push", "1.0.0", Facts("chart_push", "1.0.0", "helm")),
        ("delete", "", Facts("delete", "", "unknown")),
    ],
)
def test_action_and_tag_alone_tell_something(action: str, tag: str, expected: Facts) -> None:
    assert facts_by_tag(action, tag) == expected


@pytest.mark.parametrize(
    ("name", "facts", "filters", "expected"),
    [
        ("taggedOnly", Facts("push"), None, "taggedOnly: the event has no tag"),
        (
            "noReferrers",
            Facts("push", "", "signature", is_referrer=True),
            None,
            "noReferrers: signature is attached to another artifact",
        ),
        (
            "noReferrers",
            Facts("delete", "", "unknown", is_referrer=True),
            None,
            (
                "noReferrers: the digest was last seen under a tag of what is attached to another"
                " artifact"
            ),
        ),
        (
            "noReferrers",
            Facts("push", f"sha256-{HEX}", "index", is_referrer=True),
            None,
            f"noReferrers: the tag sha256-{HEX} belongs to what is attached to another artifact",
        ),
        (
            "artifactTypes",
            Facts("push", "v1", "helm"),
            Filters(artifact_types=("image",)),
            "artifactTypes: the artifact's type is helm; the webhook wants image",
        ),
        (
            "changedOnly",
            Facts("push", "v1"),
            None,
            "changedOnly: the tag named this digest before, as the webhook was told",
        ),
        (
            "coalesce",
            Facts("push"),
            None,
            "coalesce: the push of an index that lists it tells of it",
        ),
        ("aLaterOne", Facts("push", "v1"), None, "aLaterOne"),
    ],
)
def test_each_filter_says_why(
    name: str, facts: Facts, filters: Filters | None, expected: str
) -> None:
    assert why(name, facts, filters) == expected


def test_a_body_that_cannot_be_read_has_no_media_type() -> None:
    odd = Event("e", "registry", "push", 1, msgspec.Raw(b"\xff"), "app", "v1")
    assert facts_of(odd) == Facts("push", "v1")
