"""Which options a source takes: by its kind and by its proof, each with its rule, in one table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.options import checks
from portcall.schemas.options.aliases import check_aliases
from portcall.schemas.options.checks import Check
from portcall.schemas.sources import BASE64, HEADERS, NOTIFIERS, OVER_BODY, Proof, SourceKind

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

REPEATS_S: Mapping[SourceKind, int] = {
    SourceKind.DOCKERHUB: 600,
    SourceKind.ALIBABA: 600,
    SourceKind.HARBOR: 60,
    SourceKind.ARTIFACTORY: 60,
    SourceKind.HARNESS: 60,
    SourceKind.QUAY: 10,
    SourceKind.NEXUS: 10,
}
"""For how long an equal event counts as sent again, seconds. Docker Hub's and Alibaba's have a time
and Harbor's, Artifactory's and Harness's a digest, so that an equal event tells nothing new. Quay's
and Nexus's have neither: a second push of a tag looks the same, so their time is short."""
_REPEATS = Option(
    "repeats",
    "for how many seconds an equal event counts as sent again; 0: never",
    checks.check_seconds,
)

_ALIASES = Option(
    "aliases",
    "other names for repositories, with commas: =library/ (in front of a name without a slash),"
    " mirror/=hub/ (another beginning), old/app=team/app",
    check_aliases,
)
_TAG_DELETES = Option(
    "tag_deletes",
    "event (a deleted tag is a delete, with the tag and without a digest) or ignore, the default",
    checks.one_of("event", "ignore"),
)
_WITHOUT_TAG_DELETES = frozenset(
    {SourceKind.HARBOR, SourceKind.GHCR, SourceKind.DOCKERHUB, SourceKind.QUAY, SourceKind.ALIBABA}
)
"""These never tell of one."""

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
_ENCODING = Option(
    "encoding",
    "hex, the default, or base64: how the signature is written",
    checks.one_of("hex", BASE64),
)
_BY_PROOF: Mapping[Proof, tuple[Option, ...]] = {
    Proof.BASIC: (Option("user", "the user name, portcall by default", checks.check_user),),
    Proof.HEADER: (_HEADER, _PREFIX),
    Proof.HMAC_SHA256: (_HEADER, _PREFIX, _ENCODING),
    Proof.HMAC_SHA1: (_HEADER, _PREFIX, _ENCODING),
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
    Proof.CLIENT_CERTIFICATE: (
        Option(
            "ca_bundle",
            "the authorities that issue the certificate, in PEM, with the intermediate ones",
            checks.check_authorities,
            required=True,
        ),
        Option(
            "name",
            "whose certificate: a DNS name, URI, e-mail or IP address in it, or its whole subject"
            " such as CN=zot,O=Acme",
            checks.check_text,
            required=True,
        ),
        Option(
            "revoked",
            "the serial numbers of revoked certificates, in hex with commas",
            checks.serial_numbers,
        ),
    ),
}
"""Of a token the signature and the issuer are not enough: every customer of a cloud has such."""

PROOF_OPTIONS = frozenset(option.name for options in _BY_PROOF.values() for option in options)
"""The names of all options that belong to a proof; all others are the adapter's."""


def options_of_kind(kind: SourceKind) -> tuple[Option, ...]:
    """What the adapter of *kind* takes, whatever the proof is."""
    every = frozenset(SourceKind)
    common = (
        (_HOST, _WITH_HOST),
        (_REPEATS, every - NOTIFIERS),
        (_ALIASES, every),
        (_TAG_DELETES, every - _WITHOUT_TAG_DELETES),
    )
    return (*_OWN.get(kind, ()), *(option for option, kinds in common if kind in kinds))


def repeats_within_s(kind: SourceKind, options: Mapping[str, str]) -> int:
    """For how long an equal event counts as sent again, seconds; 0: never.

    Args:
        kind: A source's kind.
        options: Its options, checked.
    """
    given = options.get(_REPEATS.name)
    return REPEATS_S.get(kind, 0) if given is None else int(given)


def options_of_proof(proof: Proof, kind: SourceKind) -> tuple[Option, ...]:
    """What *proof* takes for a source of *kind*: some senders fix the header."""
    options = _BY_PROOF.get(proof, ())
    if _HEADER in options and (kind, proof) not in HEADERS:
        needed = Option(_HEADER.name, _HEADER.says, _HEADER.check, required=True)
        return tuple(needed if option is _HEADER else option for option in options)
    return options


def kept_options(options: Mapping[str, str], kind: SourceKind, proof: Proof) -> dict[str, str]:
    """What of a source's options stays when its proof becomes *proof*: not those of another."""
    known = {option.name for option in options_of_proof(proof, kind)}
    return {
        name: value for name, value in options.items() if name not in PROOF_OPTIONS or name in known
    }


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
    known = (*options_of_kind(kind), *options_of_proof(proof, kind))
    return _checked(options, known, f"{kind} with the proof {proof}", proof)


def check_kind_options(options: Mapping[str, str], kind: SourceKind) -> dict[str, str]:
    """Check options of the kind alone, for a source that has no proof.

    Raises:
        InvalidValueError: As for `check_options`.
    """
    return _checked(options, options_of_kind(kind), kind, None)


def _checked(
    options: Mapping[str, str], allowed: Sequence[Option], of: str, proof: Proof | None
) -> dict[str, str]:
    known = {option.name: option for option in allowed}
    for name, value in options.items():
        if name not in known:
            problem = _unknown(name, known, of, proof)
            raise InvalidValueError(f"options.{name[:_MAX_SHOWN]}", problem)
        _check_value(known[name], value)
    for option in allowed:
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


def _unknown(name: str, known: Mapping[str, Option], of: str, proof: Proof | None) -> str:
    """Why there is no option of that name, and what the sender may have meant."""
    proofs = [each for each in Proof if any(name == one.name for one in _BY_PROOF.get(each, ()))]
    if proofs and proof:
        return f"is an option of the proof {' or '.join(proofs)}; this source's is {proof}"
    close = get_close_matches(name[:_MAX_SHOWN], known, n=1)
    if close:
        return f"is no option of {of}; did you mean {close[0]}?"
    return f"is no option of {of}; allowed are {', '.join(known)}"
