"""Sources on pages, without a server: the words of kinds and proofs, faults, placeholders."""

import pytest

from portcall.management.console.forms import Form
from portcall.management.console.views.source_forms import (
    KINDS,
    PROOFS,
    problems_of_source,
    read_source,
)
from portcall.management.console.views.source_pages import ShownSource
from portcall.management.http.errors import ArmError, FieldFault, invalid_content
from portcall.schemas.sources import NOTIFIERS, OVER_BODY, Proof, SourceKind


def shown(producer_url: str, **facts: object) -> ShownSource:
    of = {"kind": "harbor", "proof": "authorization", "path": "/registries/a/sources/b"}
    return ShownSource("b", {**of, "header": "", "options": {}, **facts}, producer_url)


def test_every_kind_and_every_proof_has_words() -> None:
    assert set(KINDS) == set(SourceKind)
    assert set(PROOFS) == set(Proof)


@pytest.mark.parametrize("kind", SourceKind)
def test_a_form_offers_the_proofs_that_the_kind_can_have(kind: SourceKind) -> None:
    proofs = read_source(Form({"kind": (kind.value,)})).proofs
    assert [each for each in proofs.values() if each.endswith("(usual)")]
    assert not (kind in NOTIFIERS and set(proofs) & OVER_BODY)


@pytest.mark.parametrize(
    ("fault", "by_field", "others"),
    [
        (FieldFault("name", "is taken"), {"name": "is taken"}, []),
        (FieldFault("properties.secret", "is short"), {"secret": "is short"}, []),
        (FieldFault("properties.options.host", "is odd"), {"option_host": "is odd"}, []),
        (
            FieldFault("properties.networks[10]", "must be one"),
            {"networks": "the 11th one must be one"},
            [],
        ),
        (FieldFault("properties.networks", "are many"), {"networks": "are many"}, []),
        (
            FieldFault("properties.options.user", "is odd"),
            {},
            ["properties.options.user: is odd"],
        ),
        (FieldFault("", "is full"), {}, ["is full"]),
    ],
)
def test_a_fault_stands_at_its_field(
    fault: FieldFault, by_field: dict[str, str], others: list[str]
) -> None:
    entry = read_source(Form({"kind": ("harbor",)}))
    error = invalid_content([fault]) if fault.target else ArmError(409, "Full", fault.message)
    problems = problems_of_source(error, entry)
    assert (problems.by_field, problems.others) == (by_field, others)


def test_an_address_that_is_not_known_has_a_placeholder() -> None:
    assert shown("").address() == "https://PRODUCER/registries/a/sources/b"
    assert '"address": "https://PRODUCER/registries/a/sources/b"' in shown("").set_up()


def test_a_client_certificate_has_no_secret() -> None:
    form = Form({"kind": ("zot",), "shown_kind": ("zot",), "proof": ("client_certificate",)})
    entry = read_source(form)
    assert not entry.has_secret
    assert [(each.name, each.is_long) for each in entry.options if each.required] == [
        ("ca_bundle", True),
        ("name", False),
    ]
    assert not shown("", proof="client_certificate").has_secret


def test_a_secret_in_the_address_has_a_placeholder() -> None:
    source = shown("http://127.0.0.1:8401", path="/registries/a/sources/b/{secret}", proof="path")
    assert source.address() == "http://127.0.0.1:8401/registries/a/sources/b/SECRET"
    assert source.address("abc") == "http://127.0.0.1:8401/registries/a/sources/b/abc"
