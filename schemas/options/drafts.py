"""A source as someone wants it, with all its rules checked: for the API and for the command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.options.table import check_options
from portcall.schemas.sources import (
    DEFAULT_PROOFS,
    WITHOUT_SECRET,
    Proof,
    SourceKind,
    check_kind,
    check_networks,
    check_proof,
    check_secret,
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A wanted source, without its secret.

    Attributes:
        kind: The product that sends.
        proof: Which requests are authentic.
        options: The settings of the proof and of the kind.
        networks: Where requests may come from, in their usual form; empty: from anywhere.
    """

    kind: SourceKind
    proof: Proof
    options: Mapping[str, str]
    networks: tuple[str, ...]


def draft_of(
    kind: str,
    proof: str | None,
    options: Mapping[str, str] | None,
    networks: Sequence[str] | None,
    secret: str | None = None,
) -> Draft:
    """Check a wanted source.

    Args:
        kind: The name of its kind.
        proof: The name of its proof; None: the usual one of the kind.
        options: None: none.
        networks: None: none.
        secret: The secret that its owner chose; None: none was chosen.

    Raises:
        InvalidValueError: A rule is broken; ``field`` is e.g. ``kind`` or ``options.host``.
    """
    wanted = check_kind(kind)
    chosen = check_proof(proof) if proof else DEFAULT_PROOFS[wanted]
    _check_chosen(secret, chosen)
    checked = check_options(options or {}, wanted, chosen)
    return Draft(wanted, chosen, checked, check_networks(networks or ()))


def _check_chosen(secret: str | None, proof: Proof) -> None:
    """Check a secret that its owner chose, if one was chosen.

    Raises:
        InvalidValueError: It breaks a rule, or the proof has none.
    """
    if not secret:
        return
    if proof in WITHOUT_SECRET:
        raise InvalidValueError("secret", f"must be left out: the proof {proof} has none")
    check_secret(secret, proof)
