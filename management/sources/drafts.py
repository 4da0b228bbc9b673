"""From a checked body to what the store keeps of a source.

A PUT replaces: options and networks that it leaves out are none, the proof is the kind's usual
one. A PATCH changes what it sends, maps and lists as a whole. Both leave the secret as it is if
they send none and the proof can use it. A kind never changes: the address would get bodies of
another form.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from portcall.management.http.errors import ArmError, FieldFault, invalid_content
from portcall.management.sources.bodies import SourceChanges, SourceProperties
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.options.drafts import Draft, draft_of
from portcall.schemas.options.table import kept_options
from portcall.schemas.sources import (
    WITHOUT_SECRET,
    Proof,
    check_kind,
    check_proof,
    check_secret,
    new_secret,
)
from portcall.store.sources.rows import SourceDraft, SourceRow

Value = TypeVar("Value")


@dataclass(slots=True)
class Decision:
    """What a PUT or a PATCH makes of a source; called by the store in its transaction.

    Attributes:
        draft: Makes the wanted source, without its secret, of the present one.
        chosen: The secret that was sent; None: none was.
        secret: The secret that was set; empty: none was.
    """

    draft: Callable[[SourceRow | None], Draft]
    chosen: str | None = field(repr=False)
    secret: str = field(default="", repr=False)

    def __call__(self, before: SourceRow | None, present: Callable[[], str]) -> SourceDraft:
        """The source as it should be.

        Raises:
            ArmError: 400: A field breaks a rule. 409: The kind would change.
        """
        draft = ruled(lambda: self.draft(before), "properties.")
        if before is not None and before.kind is not draft.kind:
            raise kind_changed(before, draft.kind)
        secret = self._secret(draft.proof, before, present)
        self.secret = secret or ""
        return SourceDraft(draft.kind, draft.proof, draft.options, draft.networks, secret)

    def _secret(
        self, proof: Proof, before: SourceRow | None, present: Callable[[], str]
    ) -> str | None:
        """The new secret; None: the present one stays."""
        if self.chosen:
            return self.chosen
        if proof in WITHOUT_SECRET:
            return ""
        if before is None or before.proof in WITHOUT_SECRET:
            return new_secret()
        if proof is Proof.PATH and before.proof is not Proof.PATH:
            _check_for_path(present())
        return None


def put(sent: SourceProperties) -> Decision:
    """What a PUT asks for.

    Raises:
        ArmError: 400: A field breaks a rule.
    """
    draft = ruled(
        lambda: draft_of(sent.kind, sent.proof, sent.options, sent.networks, sent.secret),
        "properties.",
    )
    return Decision(lambda _: draft, sent.secret)


def patch(sent: SourceChanges) -> Decision:
    """What a PATCH asks for: its fields in place of the present ones.

    With another proof and without options, the options of the previous proof end.
    """

    def draft(before: SourceRow | None) -> Draft:
        if before is None:
            raise LookupError("only an existing source is patched")
        kind = check_kind(sent.kind) if sent.kind else before.kind
        if kind is not before.kind:
            raise kind_changed(before, kind)
        proof = check_proof(sent.proof) if sent.proof else before.proof
        options = sent.options
        if options is None:
            options = kept_options(before.options, before.kind, proof)
        networks = before.networks if sent.networks is None else sent.networks
        return draft_of(before.kind, proof, options, networks, sent.secret)

    return Decision(draft, sent.secret)


def secret_for(proof: Proof, chosen: str | None) -> str:
    """The secret of a rotation: the chosen one, or a new one.

    Raises:
        ArmError: 400: The chosen one breaks a rule. 409: The proof has no secret.
    """
    if proof in WITHOUT_SECRET:
        problem = f"The source's proof is {proof}: it has no secret."
        raise ArmError(409, "SourceWithoutSecret", problem)
    if chosen:
        ruled(lambda: check_secret(chosen, proof), "")
    return chosen or new_secret()


def kind_changed(before: SourceRow, wanted: str) -> ArmError:
    """A kind cannot be changed after the source was created."""
    return ArmError(
        409,
        "SourceKindChanged",
        f"The source '{before.name}' has the kind '{before.kind}', which cannot be changed to"
        f" '{wanted}': create another source.",
        target="properties.kind",
    )


def ruled(check: Callable[[], Value], prefix: str) -> Value:
    """What *check* gives.

    Raises:
        ArmError: 400: A rule is broken; the field is named.
    """
    try:
        return check()
    except InvalidValueError as error:
        raise invalid_content([FieldFault(f"{prefix}{error.field}", error.problem)]) from error


def _check_for_path(secret: str) -> None:
    """Check that the present secret can be a part of the address; a lost one is none."""
    try:
        if secret:
            check_secret(secret, Proof.PATH)
    except InvalidValueError as error:
        problem = "the present secret cannot be in a path: send another one"
        raise invalid_content([FieldFault("properties.secret", problem)]) from error
