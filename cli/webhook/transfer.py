"""`portcall webhook export` and `import`: many webhooks at once, by the bulk endpoints."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from portcall.cli.client import Document, Management
from portcall.cli.errors import NotFoundError, NotRunningError, ServiceError
from portcall.cli.options import Format, Group, Url
from portcall.cli.output import compact, complain, note, show
from portcall.cli.progress import progress
from portcall.cli.tables import Row, value
from portcall.cli.webhook.entries import Chunk, EntryFault, chunks, faults_of, read_entries
from portcall.schemas.plurals import counted

STDIN_OR_STDOUT = Path("-")
TOLD_FAULTS = 50
"""How many faults are printed; a bad file may have one on every line."""

SomeRegistry = Annotated[
    str | None,
    typer.Option(
        "--registry", "-r", help="One registry; by default all of them.", show_default=False
    ),
]


@dataclass(slots=True)
class ImportedFile:
    """The result of importing a file."""

    created: int = 0
    replaced: int = 0
    failed: int = 0
    told: int = 0
    lost_secrets: int = 0
    lost_certificates: int = 0


def export_webhooks(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file to write; - is standard output.")
    ],
    *,
    registry: SomeRegistry = None,
    group: Group = None,
    url: Url = None,
) -> None:
    """Write webhooks to a file, one per line, complete except for their secrets."""
    management = Management.at(url)
    found = (
        [management.find_registry(registry, group)] if registry else management.registries(group)
    )
    written = secrets = certificates = 0
    with _replacing(file) as out, progress("webhooks") as advance:
        for each in found:
            for webhook in _in_full(management, each):
                out.write(compact(webhook).encode() + b"\n")
                written += 1
                secrets += bool(value(webhook, "properties", "portcall", "hasSecret"))
                certificates += bool(
                    value(webhook, "properties", "portcall", "clientCertificateSubject")
                )
                advance(1)
    kept = "" if file == STDIN_OR_STDOUT else f" to {file}, which now contains their credentials"
    note(f"{counted(written, 'webhook')} exported{kept}.")
    if secrets:
        note(f"{secrets} of them with a secret: secrets are never exported.")
    if certificates:
        note(f"{certificates} of them with a client certificate: those are never exported.")


def _in_full(management: Management, registry: Document) -> Iterator[Document]:
    """Return a registry's webhooks with their service URIs and custom headers."""
    query = {"$expand": "callbackConfig", "$top": "1000"}
    return management.pages("GET", f"{value(registry, 'id')}/webhooks", query=query)


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file atomically, readable only by its owner."""
    if path == STDIN_OR_STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def import_webhooks(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file to read; - is standard input.")
    ],
    *,
    registry: Annotated[
        str | None,
        typer.Option(
            "--registry",
            "-r",
            help="The registry to import into; by default the one in each webhook's id.",
            show_default=False,
        ),
    ] = None,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Create or replace webhooks from a file: JSON lines, or the array that az prints.

    They are sent in batches of a thousand. Each batch is imported as a whole or not at all. If
    there are errors, fix them and import the whole file again: webhooks that exist already are
    replaced by the same.
    """
    management = Management.at(url)
    imported = ImportedFile()
    with _opened(file) as (lines, size), progress("bytes", size) as advance:
        sender = ChunkSender(management, group)
        for chunk in chunks(read_entries(lines, registry)):
            take(imported, chunk, sender.send)
            advance(chunk.size)
    _tell(imported)
    show(
        {"created": imported.created, "replaced": imported.replaced, "failed": imported.failed},
        _summary_row,
        output,
    )
    if imported.failed:
        raise typer.Exit(1)


class ChunkSender:
    """Sends chunks; knows the registries that it sent some to."""

    def __init__(self, management: Management, group: str | None) -> None:
        self._management = management
        self._group = group
        self._paths: dict[str, str] = {}

    def send(self, chunk: Chunk) -> Document:
        """Import one chunk; return ``{"created": n, "replaced": m}``."""
        path = self._paths.get(chunk.registry)
        if path is None:
            registry = self._management.find_registry(chunk.registry, self._group)
            path = self._paths[chunk.registry] = value(registry, "id")
        items = {"value": [entry.item for entry in chunk.entries]}
        return self._management.ask("POST", f"{path}/importWebhooks", items)


def take(imported: ImportedFile, chunk: Chunk, send: Callable[[Chunk], Document]) -> None:
    """Import one chunk, and add the result to *imported*; faults are printed at once.

    Raises:
        NotRunningError: The server went away; earlier chunks stay imported.
        ServiceError: The server cannot do it, or not for this token.
    """
    faults = chunk.faults
    if not faults:
        try:
            answer = send(chunk)
        except (NotRunningError, ServiceError) as error:
            if not isinstance(error, ServiceError) or not _of_the_file(error):
                note(_resume(imported, chunk))
                raise
            named = error.faults if not isinstance(error, NotFoundError) else (("", str(error)),)
            faults = faults_of(chunk, named)
        else:
            imported.created += int(answer.get("created", 0))
            imported.replaced += int(answer.get("replaced", 0))
            if answer.get("created"):  # a replaced webhook keeps its secret
                imported.lost_secrets += sum(entry.lost_secret for entry in chunk.entries)
                imported.lost_certificates += sum(each.lost_certificate for each in chunk.entries)
            return
    imported.failed += chunk.count
    _complain_of(imported, faults)


def _of_the_file(error: ServiceError) -> bool:
    """Whether the file is at fault: its other chunks may still succeed."""
    if error.code == "QuotaExceeded":
        return True
    return 400 <= error.status < 500 and error.status not in {401, 403, 408, 429}


def _resume(imported: ImportedFile, chunk: Chunk) -> str:
    done = imported.created + imported.replaced
    return (
        f"Stopped at {chunk.entries[0].place}, with {counted(done, 'webhook')} imported."
        " Import the file again: importing a webhook twice does no harm"
    )


def _complain_of(imported: ImportedFile, faults: list[EntryFault]) -> None:
    for fault in faults:
        imported.told += 1
        if imported.told <= TOLD_FAULTS:
            complain(f"{fault.place}: {fault.problem}")


def _tell(imported: ImportedFile) -> None:
    """Return what the numbers alone do not say."""
    if imported.told > TOLD_FAULTS:
        note(f"{counted(imported.told - TOLD_FAULTS, 'more fault')} not shown.")
    if imported.failed:
        note(
            "A fault keeps back its whole batch: fix the file and import it again; importing"
            " a webhook twice does no harm."
        )
    if imported.lost_secrets:
        note(
            f"{counted(imported.lost_secrets, 'webhook')} had a secret, which no export"
            " contains: new ones are unsigned until you run `portcall webhook update"
            " --secret`."
        )
    if imported.lost_certificates:
        note(
            f"{counted(imported.lost_certificates, 'webhook')} had a client certificate, which"
            " no export contains: new ones have none until you run `portcall webhook update"
            " --client-cert --client-key`."
        )


def _summary_row(summary: Mapping[str, int]) -> Row:
    return {key.upper(): str(count) for key, count in summary.items()}


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int | None]]:
    """Return the file's lines, and its size in bytes, if known."""
    if path == STDIN_OR_STDOUT:
        yield sys.stdin.buffer, None
        return
    with path.open("rb") as file:
        yield file, path.stat().st_size
