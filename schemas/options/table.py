"""Which options a source takes: by its kind and by its proof, each with its rule, in one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.options import checks
from portcall.schemas.options.checks import Check
from portcall.schemas.sources import HEADERS, NOTIFIERS, OVER_BODY, Proof, SourceKind

MAX_VALUE = 16_384
"""Characters of one value; a set of public keys is the longest."""
_MAX_SHOWN = 48


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes:
        name: Its name.
        says: What it is, for people.
        check: The rule of its values.
        required: Whether it must be given.
        may_be_empty: Whether an empty value has a meaning.
    """

    name: str
    says: str
    check: Check
    required: bool = False
    may_be_empty: bool = False


_HOST = Option("host", "where clients pull from, such as registry.example.com", checks.check_host)
_NAMES = Option(
    "names",
    "path (registry repository and image, the default) or bare (the image only)",
    checks.one_of("path", "bare"),
)
_WITH_HOST = frozenset(SourceKind) - {*NOTIFIERS, SourceKind.ACR, SourceKind.EVENTGRID}
"""The others send the host in each event."""

_EXPRESSIONS = (
    ("events", "where the events are in the body, an array"),
    ("action", "the action; without it each event is a push"),
    ("repository", "the repository, or a reference such as host/name:tag@digest"),
    ("tag", "the tag, or an array of tags"),
    ("digest", "the digest"),
    ("media_type", "the manifest's media type"),
    ("id", "the event's id"),
    ("time", "when it happened: a date and time, or seconds or milliseconds"),
    ("actor", "who did it"),
)
EXPRESSIONS = tuple(name for name, _ in _EXPRESSIONS)
"""The options of `generic` that are expressions; all but ``events`` see one event."""

_OWN: Mapping[SourceKind, tuple[Option, ...]] = {
    SourceKind.ALIBABA: (
        Option(
            "utc_offset",
            "how far the times are ahead of UTC, +08:00 by default",
            checks.check_offset,
        ),
    ),
    SourceKind.ARTIFACTORY: (
        _NAMES,
        Option("repo_keys", "the repositories to take, with commas", checks.check_names),
    ),
    SourceKind.ECR: (
        Option(
            "replication",
            "push (a replicated image counts as a push) or ignore, the default",
            checks.one_of("push", "ignore"),
        ),
    ),
    SourceKind.NEXUS: (_NAMES,),
    SourceKind.GENERIC: (
        *(
            Option(name, says, checks.check_expression, name == "repository")
            for name, says in _EXPRESSIONS
        ),
        Option(
            "actions",
            "which words mean which actions: created=push, removed=delete",
            checks.action_words,
        ),
    ),
}

_HEADER = Option("header", "the header that carries the proof", checks.check_header)
_PREFIX = Option(
    "prefix", "the text in front of the header's value", checks.check_prefix, may_be_empty=True
)
_BY_PROOF: Mapping[Proof, tuple[Option, ...]] = {
    Proof.BASIC: (Option("user", "the user name, portcall by default", checks.check_user),),
    Proof.HEADER: (_HEADER, _PREFIX),
    Proof.HMAC_SHA256: (_HEADER, _PREFIX),
    Proof.HMAC_SHA1: (_HEADER, _PREFIX),
    Proof.OIDC: (
        Option(
            "issuer",
            "who signs the tokens, such as https://accounts.google.com",
            checks.check_issuer,
            required=True,
        ),
        Option(
            "audience",
            "the aud of the tokens, as the sender has it",
            checks.check_text,
            required=True,
        ),
        Option(
            "email",
            "whose tokens: the email, or the appid, azp or sub, in them",
            checks.check_text,
            required=True,
        ),
        Option(
            "jwks",
            "the issuer's public keys, a JSON key set, where it cannot be reached",
            checks.check_key_set,
        ),
    ),
}
"""Of a token the signature and the issuer are not enough: every customer of a cloud has such."""

PROOF_OPTIONS = frozenset(option.name for options in _BY_PROOF.values() for option in options)
"""The names of all options that belong to a proof; all others are the adapter's."""


def options_of_kind(kind: SourceKind) -> tuple[Option, ...]:
    """What the adapter of *kind* takes, whatever the proof is."""
    return (*_OWN.get(kind, ()), *((_HOST,) if kind in _WITH_HOST else ()))


def options_of_proof(proof: Proof, kind: SourceKind) -> tuple[Option, ...]:
    """What *proof* takes for a source of *kind*: some senders fix the header."""
    options = _BY_PROOF.get(proof, ())
    if _HEADER in options and (kind, proof) not in HEADERS:
        needed = Option(_HEADER.name, _HEADER.says, _HEADER.check, required=True)
        return tuple(needed if option is _HEADER else option for option in options)
    return options


def check_options(options: Mapping[str, str], kind: SourceKind, proof: Proof) -> dict[str, str]:
    """Check the options of a source.

    Raises:
        InvalidValueError: The kind cannot have this proof, one is unknown or breaks its rule, or a
            required one is missing. ``field`` is ``proof`` or ``options.NAME``.
    """
    if kind in NOTIFIERS and proof in OVER_BODY:
        raise InvalidValueError(
            "proof", f"must not be {proof}: {kind} signs no bodies; use bearer, header or path"
        )
    known = {
        option.name: option for option in (*options_of_kind(kind), *options_of_proof(proof, kind))
    }
    for name, value in options.items():
        if name not in known:
            raise InvalidValueError(
                f"options.{name[:_MAX_SHOWN]}", _unknown(name, known, kind, proof)
            )
        _check_value(known[name], value)
    for option in known.values():
        if option.required and option.name not in options:
            raise InvalidValueError(f"options.{option.name}", f"is required: {option.says}")
    return dict(options)


def _check_value(option: Option, value: str) -> None:
    field = f"options.{option.name}"
    if not value and not option.may_be_empty:
        leave = "" if option.required else "; leave it out"
        raise InvalidValueError(field, f"must not be empty{leave}")
    if len(value) > MAX_VALUE or "\0" in value:
        raise InvalidValueError(field, f"must have at most {MAX_VALUE} characters, and no NUL")
    try:
        option.check(value)
    except InvalidValueError as error:
        raise InvalidValueError(field, error.problem) from error


def _unknown(name: str, known: Mapping[str, Option], kind: SourceKind, proof: Proof) -> str:
    """Why there is no option of that name, and what the sender may have meant."""
    proofs = [each for each in Proof if any(name == one.name for one in _BY_PROOF.get(each, ()))]
    if proofs:
        return f"is an option of the proof {' or '.join(proofs)}; this source's is {proof}"
    close = get_close_matches(name[:_MAX_SHOWN], known, n=1)
    if close:
        return f"is no option of {kind} with the proof {proof}; did you mean {close[0]}?"
    allowed = f"allowed are {', '.join(known)}" if known else "it takes none"
    return f"is no option of {kind} with the proof {proof}; {allowed}"
