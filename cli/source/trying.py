"""`portcall source try`: what would become of a sample, without publishing anything."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from portcall.cli.client import Document, Management, source_path
from portcall.cli.errors import UsageError
from portcall.cli.examples import examples
from portcall.cli.options import Format, Group, NameOption, Url, headers, one_name, pairs
from portcall.cli.source.checks import ruled
from portcall.cli.source.options import Name
from portcall.cli.source.results import show_result
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.options.table import check_kind_options, check_options
from portcall.schemas.sources import DEFAULT_PROOFS, Proof, Source, SourceKind

_UNSTORED = "sample"
"""The registry and the source of a sample that belongs to no stored source."""

if TYPE_CHECKING:
    from portcall.producer.sources.samples import SampleResult

EXAMPLES = examples(
    "portcall source try harbor -r myregistry --file sample.json",
    "portcall source try --kind ghcr --file sample.json --header 'X-GitHub-Event: package'",
    "portcall source try --kind generic --file - --options repository=image.name tag=image.tag",
)


def try_source(
    name: Name = None,
    *,
    name_option: NameOption = None,
    registry: Annotated[
        str | None,
        typer.Option("--registry", "-r", help="The source's registry.", show_default=False),
    ] = None,
    kind: Annotated[
        SourceKind | None,
        typer.Option(
            "--kind",
            help="Without NAME: the kind of a source that need not exist.",
            case_sensitive=False,
            show_default=False,
        ),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--options",
            metavar="NAME=VALUE...",
            help="Settings to try; with NAME in place of those that it has.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        str, typer.Option("--file", help='The body of the sample; "-" for standard input.')
    ],
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header",
            metavar="'NAME: VALUE'",
            help="A header of the sample; may be repeated.",
            show_default=False,
        ),
    ] = None,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Show what would become of a sample: the events, what is ignored and why.

    Nothing is published, and the proof is not checked. With --kind no server is needed.
    """
    given = None if options is None else pairs(options, "--options")
    is_named = name is not None or name_option is not None
    if is_named == (kind is not None):
        raise UsageError("give either the NAME of a source, with --registry, or a --kind")
    if kind is not None:
        checked = ruled(lambda: check_kind_options(given or {}, kind))
        source = Source(_UNSTORED, _UNSTORED, kind, DEFAULT_PROOFS[kind], (), checked)
    elif registry is None:
        raise UsageError("--registry: is required with the NAME of a source")
    else:
        wanted = one_name(name, name_option, "source try")
        source = _stored(Management.at(url), registry, group, wanted, given)
    sent = headers(header or (), "--header")
    show_result(source, _tried(source, sent, file), output)


def _stored(
    management: Management,
    registry: str,
    group: str | None,
    name: str,
    options: dict[str, str] | None,
) -> Source:
    """The stored source, with *options* in place of its own if there are any."""
    path = source_path(management.find_registry(registry, group), name)
    facts: Document = management.ask("GET", path)["properties"]
    kind, proof = SourceKind(facts["kind"]), Proof(facts["proof"])
    if options is None:
        return Source(registry.lower(), name, kind, proof, (), facts["options"])
    checked = ruled(lambda: check_options(options, kind, proof))
    return Source(registry.lower(), name, kind, proof, (), checked)


def _tried(source: Source, sent: dict[str, str], file: str) -> "SampleResult":
    # They import SQLAlchemy, which takes 0.5 s.
    from portcall.producer.sources.adapter import MAX_BODY_BYTES  # noqa: PLC0415
    from portcall.producer.sources.samples import try_sample  # noqa: PLC0415

    body = _read(file, MAX_BODY_BYTES + 1)
    try:
        return try_sample(source, sent, body)
    except InvalidValueError as error:
        field = f"--options {error.field}" if error.field else "--file"
        raise InvalidValueError(field, error.problem) from error


def _read(file: str, limit: int) -> bytes:
    """The first bytes of a file, or of standard input."""
    try:
        if file == "-":
            return sys.stdin.buffer.read(limit)
        with Path(file).open("rb") as opened:
            return opened.read(limit)
    except OSError as error:
        raise UsageError(f"--file: {file} cannot be read: {error.strerror}") from error
