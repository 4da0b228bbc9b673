"""The form of a source: from its fields to the API's body, and from API errors to its fields.

The rules are the API's own. Which options there are depends on the kind and the proof, by the table
of `schemas.options`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portcall.management.console.forms import Form
from portcall.management.console.views.webhook_forms import Problems, faults_of
from portcall.management.http.errors import ArmError
from portcall.schemas.options.table import Option, options_of_kind, options_of_proof
from portcall.schemas.sources import (
    DEFAULT_PROOFS,
    NOTIFIERS,
    OVER_BODY,
    WITHOUT_SECRET,
    Proof,
    SourceKind,
)

NAME, KIND, PROOF, SECRET, NETWORKS = "name", "kind", "proof", "secret", "networks"
SHOWN_KIND = "shown_kind"
"""A hidden field: the kind that the form's other fields are for."""
OPTION = "option_"
"""Before the name of an option's field."""

KINDS: Mapping[SourceKind, str] = {
    SourceKind.DISTRIBUTION: "Docker registry 2 or 3 (distribution)",
    SourceKind.HARBOR: "Harbor",
    SourceKind.GHCR: "GitHub Packages",
    SourceKind.DOCKERHUB: "Docker Hub",
    SourceKind.QUAY: "Quay",
    SourceKind.GITLAB: "GitLab container registry",
    SourceKind.ZOT: "zot",
    SourceKind.GITEA: "Gitea",
    SourceKind.FORGEJO: "Forgejo",
    SourceKind.ACR: "Azure Container Registry",
    SourceKind.EVENTGRID: "Azure Event Grid",
    SourceKind.ECR: "AWS ECR, by EventBridge",
    SourceKind.GAR: "Google Artifact Registry, by Pub/Sub",
    SourceKind.ARTIFACTORY: "JFrog Artifactory",
    SourceKind.NEXUS: "Sonatype Nexus",
    SourceKind.ALIBABA: "Alibaba Cloud ACR",
    SourceKind.HARNESS: "Harness",
    SourceKind.GENERIC: "Any other JSON (generic)",
}
PROOFS: Mapping[Proof, str] = {
    Proof.BEARER: "Bearer token in Authorization",
    Proof.AUTHORIZATION: "The whole value of Authorization",
    Proof.BASIC: "Basic: user and password",
    Proof.HEADER: "A header of its own",
    Proof.PATH: "A secret address",
    Proof.HMAC_SHA256: "HMAC-SHA256 of the body",
    Proof.HMAC_SHA1: "HMAC-SHA1 of the body",
    Proof.OIDC: "OIDC token of an issuer",
    Proof.CLIENT_CERTIFICATE: "A client certificate, over TLS",
}
_WORDS = {
    "jwks": "Public keys",
    "id": "Event id",
    "utc_offset": "UTC offset",
    "ca_bundle": "Certificate authorities",
    "name": "Name in the certificate",
    "aliases": "Other names of repositories",
    "tag_deletes": "Deleted tags",
    "revoked": "Revoked certificates",
}
_LONG = frozenset({"jwks", "ca_bundle"})
"""Options of several lines."""
_SPACED = frozenset({"prefix"})
"""Options whose blanks have a meaning."""
_TARGET = re.compile(r"properties\.(?P<field>[a-z]+)(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class OptionField:
    """The field of one option.

    Attributes:
        name: The option's name.
        label: For people.
        hint: What it is.
        value: What was filled in.
        required: Whether it must be filled in.
        is_long: Whether it has several lines.
    """

    name: str
    label: str
    hint: str
    value: str
    required: bool
    is_long: bool

    @property
    def field(self) -> str:
        """Its name in the form."""
        return f"{OPTION}{self.name}"


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """What was filled in.

    Attributes:
        name: The source's name; by default its kind.
        written_name: As it was written.
        kind: The product that sends.
        proof: Which requests are authentic.
        options: The fields of the kind's and the proof's options.
        networks: The lines of allowed networks.
        body: The API's body.
    """

    name: str
    written_name: str
    kind: SourceKind
    proof: Proof
    options: tuple[OptionField, ...]
    networks: str
    body: Mapping[str, object]

    @property
    def has_secret(self) -> bool:
        """Whether the proof has a secret."""
        return self.proof not in WITHOUT_SECRET

    @property
    def proofs(self) -> Mapping[Proof, str]:
        """The proofs that the kind can have, with their words."""
        usual = DEFAULT_PROOFS[self.kind]
        return {
            proof: f"{words} (usual)" if proof is usual else words
            for proof, words in PROOFS.items()
            if not (self.kind in NOTIFIERS and proof in OVER_BODY)
        }


def read_source(form: Form, before: Mapping[str, Any] | None = None) -> SourceEntry:
    """What was filled in; an unknown kind or proof is the first, or the usual one.

    A proof that was chosen for another kind counts as not chosen.

    Args:
        form: The form.
        before: The source that is changed, as the API answers its ``properties``; None: a new one.
    """
    kind = _kind_of(before["kind"] if before else form.line(KIND))
    proof = _proof_of(form, kind)
    kept = {name for name, value in (before["options"] if before else {}).items() if not value}
    fields = tuple(
        _field_of(each, form) for each in (*options_of_kind(kind), *options_of_proof(proof, kind))
    )
    body: dict[str, object] = {
        "kind": kind.value,
        "proof": proof.value,
        "options": {each.name: each.value for each in fields if each.value or each.name in kept},
        "networks": [line for line in re.split(r"[\s,]+", form.text(NETWORKS)) if line],
    }
    if proof not in WITHOUT_SECRET and (secret := form.line(SECRET)):
        body["secret"] = secret
    return SourceEntry(
        name=form.line(NAME) or kind.value,
        written_name=form.line(NAME),
        kind=kind,
        proof=proof,
        options=fields,
        networks=form.text(NETWORKS),
        body=body,
    )


def entry_of_source(name: str, facts: Mapping[str, Any]) -> SourceEntry:
    """What the form of an existing source begins with."""
    values = {
        NAME: name,
        KIND: facts["kind"],
        SHOWN_KIND: facts["kind"],
        PROOF: facts["proof"],
        NETWORKS: "\n".join(facts["networks"]),
        **{f"{OPTION}{option}": value for option, value in facts["options"].items()},
    }
    return read_source(Form({each: (text,) for each, text in values.items()}), facts)


def problems_of_source(error: ArmError, entry: SourceEntry) -> Problems:
    """The API's errors by field, and apart from them those that belong to no field of the form."""
    problems = Problems()
    shown = {NAME, KIND, PROOF, SECRET, NETWORKS, *(each.field for each in entry.options)}
    for fault in faults_of(error):
        name, said = _place(fault.target, fault.message)
        if name in shown:
            problems.by_field.setdefault(name, said)
        else:
            problems.others.append(f"{fault.target}: {said}" if fault.target else said)
    return problems


def label_of(option: str) -> str:
    """The label of an option's field."""
    return _WORDS.get(option, option.replace("_", " ").capitalize())


def _kind_of(word: str) -> SourceKind:
    return SourceKind(word) if word in tuple(SourceKind) else SourceKind.DISTRIBUTION


def _proof_of(form: Form, kind: SourceKind) -> Proof:
    word = form.line(PROOF)
    if form.line(SHOWN_KIND) != kind or word not in tuple(Proof):
        return DEFAULT_PROOFS[kind]
    return Proof(word)


def _field_of(option: Option, form: Form) -> OptionField:
    text = form.text(f"{OPTION}{option.name}")
    return OptionField(
        name=option.name,
        label=label_of(option.name),
        hint=f"{option.says[:1].upper()}{option.says[1:]}.",
        value=text if option.name in _SPACED else text.strip(),
        required=option.required,
        is_long=option.name in _LONG,
    )


def _place(target: str, message: str) -> tuple[str, str]:
    """The form's field of a fault, and the text at it."""
    found = _TARGET.fullmatch(target)
    if found is None:
        return target, message
    field, rest = found["field"], found["rest"]
    if field == "options" and rest.startswith("."):
        return f"{OPTION}{rest[1:]}", message
    if field == NETWORKS and rest.startswith("["):
        return NETWORKS, f"the {_ordinal(int(rest[1:-1]) + 1)} one {message}"
    return field, message


def _ordinal(number: int) -> str:
    endings = ("th", "st", "nd", "rd")  # codespell:ignore nd
    ending = "th" if 10 < number % 100 < 14 or number % 10 > 3 else endings[number % 10]
    return f"{number}{ending}"
