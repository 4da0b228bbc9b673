"""What `portcall webhook import` reads: JSON lines, or the array that `az acr webhook list` prints.

An entry is one webhook of the file, in the form in which the API takes it, with the place that it
came from, so that whatever is wrong with it can be told by line. Nothing here does I/O but read
the lines it is given.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from portcall.cli.client import Document
from portcall.cli.errors import CliError
from portcall.schemas.signatures import Scheme

CHUNK_ENTRIES = 1_000
CHUNK_BYTES = 4 * 1024 * 1024
"""A request has at most so many webhooks, and about so many bytes (the server takes 8 MiB)."""

_REGISTRY = re.compile(r"/registries/([^/]+)", re.IGNORECASE)
_PROPERTIES = ("serviceUri", "customHeaders", "status", "scope", "actions", "portcall")


class EntryError(CliError):
    """An entry is no webhook; the message names the field."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One webhook of the file.

    Attributes:
        place: Where it stands, e.g. ``line 3``.
        registry: The registry that it is for.
        item: What is sent.
        size: The bytes that it had in the file.
    """

    place: str
    registry: str
    item: Document
    size: int

    @property
    def lost_secret(self) -> bool:
        """Whether it had a secret when it was exported; secrets never are."""
        portcall = self.item["properties"].get("portcall")
        return (
            isinstance(portcall, dict)
            and bool(portcall.get("hasSecret"))
            and not portcall.get("secret")
            and portcall.get("signature") != Scheme.V1A
        )

    @property
    def lost_certificate(self) -> bool:
        """Whether it had a client certificate when it was exported; its key never is."""
        portcall = self.item["properties"].get("portcall")
        return (
            isinstance(portcall, dict)
            and bool(portcall.get("clientCertificateSubject"))
            and not portcall.get("clientKey")
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in the file, and where."""

    place: str
    problem: str


@dataclass(slots=True)
class Chunk:
    """What is imported by one request, all or nothing; with a fault it is not sent."""

    registry: str
    entries: list[Entry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    size: int = 0

    @property
    def count(self) -> int:
        """How many webhooks of the file are in it, the unreadable ones too."""
        return len(self.entries) + len(self.faults)


def read_entries(file: Iterable[bytes], registry: str | None) -> Iterator[Entry | Fault]:
    """Read a file's webhooks one by one; what cannot be read becomes a `Fault`.

    Args:
        file: The lines.
        registry: The registry that all of them are for; None: each says it in its ``id``.
    """
    for place, document, size in _documents(file):
        if isinstance(document, Fault):
            yield document
            continue
        try:
            yield entry_of(place, document, size, registry)
        except EntryError as error:
            yield Fault(place, str(error))


def _documents(file: Iterable[bytes]) -> Iterator[tuple[str, object, int]]:
    """Each JSON document with its place and size; `Fault` for what is no JSON."""
    lines = iter(file)
    for number, line in enumerate(lines, 1):
        text = line.removeprefix(b"\xef\xbb\xbf").strip()
        if number == 1 and text.startswith(b"["):
            yield from _array(b"\n".join([text, *lines]))
            return
        if text:
            place = f"line {number}"
            try:
                yield place, json.loads(text), len(text)
            except ValueError as error:
                problem = f"is no JSON ({error}): write one webhook on each line, or an array"
                yield place, Fault(place, problem), len(text)


def _array(text: bytes) -> Iterator[tuple[str, object, int]]:
    try:
        documents = json.loads(text)
    except ValueError as error:
        yield "the array", Fault("the array", f"is no JSON: {error}"), len(text)
        return
    size = len(text) // max(1, len(documents))
    for number, document in enumerate(documents, 1):
        yield f"entry {number}", document, size


def entry_of(place: str, document: object, size: int, registry: str | None) -> Entry:
    """Make an entry of a webhook as Portcall exports it, or as az or the API list it.

    The location is left out: a webhook here is where its registry is.

    Raises:
        EntryError: It has no name, no service URI, or no registry.
    """
    if not isinstance(document, dict):
        raise EntryError("is no webhook: a JSON object was expected")
    name = document.get("name")
    if not isinstance(name, str) or not name:
        raise EntryError("name: is required")
    registry = registry or _registry_of(document)
    if not registry:
        raise EntryError(f"webhook {name!r} does not say its registry: name it with --registry")
    listed = document.get("properties")
    properties = {key: document.get(key) for key in _PROPERTIES}
    properties.update(listed if isinstance(listed, dict) else {})
    given = {key: value for key, value in properties.items() if value is not None}
    if not given.get("serviceUri"):
        raise EntryError(
            f"webhook {name!r}: serviceUri is missing (az never lists it): add the fields that"
            f" `az acr webhook get-config -r {registry} -n {name}` prints"
        )
    if isinstance(extras := given.get("portcall"), dict):
        given["portcall"] = _without_lost_secret(extras)
    item: Document = {"name": name, "properties": given}
    if document.get("tags") is not None:
        item["tags"] = document["tags"]
    return Entry(place, registry, item, size)


def _without_lost_secret(extras: Document) -> Document:
    """Without the signature ``v1`` where its secret is not there: nobody would know a new one.

    A key of ``v1a`` is made anew, and its public half can be read.
    """
    if extras.get("signature") == Scheme.V1 and not extras.get("secret"):
        return {key: each for key, each in extras.items() if key != "signature"}
    return extras


def _registry_of(document: Document) -> str:
    match = _REGISTRY.search(str(document.get("id") or ""))
    return match[1] if match else ""


def chunks(entries: Iterable[Entry | Fault]) -> Iterator[Chunk]:
    """Divide the entries, in their order, into requests: each for one registry."""
    chunk = Chunk("")
    for entry in entries:
        if isinstance(entry, Fault):
            chunk.faults.append(entry)
            continue
        if chunk.entries and not _fits(chunk, entry):
            yield chunk
            chunk = Chunk("")
        chunk.registry = entry.registry
        chunk.entries.append(entry)
        chunk.size += entry.size
    if chunk.count:
        yield chunk


def _fits(chunk: Chunk, entry: Entry) -> bool:
    return (
        entry.registry == chunk.registry
        and chunk.count < CHUNK_ENTRIES
        and chunk.size + entry.size <= CHUNK_BYTES
    )


_IN_VALUE = re.compile(r"value\[(\d+)\]\.?(.*)")


def faults_of(chunk: Chunk, faults: Iterable[tuple[str, str]]) -> list[Fault]:
    """The server's faults in terms of the file: ``value[3].…`` is the chunk's fourth entry."""
    found = []
    for target, problem in faults:
        match = _IN_VALUE.fullmatch(target)
        if match and int(match[1]) < len(chunk.entries):
            entry = chunk.entries[int(match[1])]
            name = entry.item["name"]
            text = problem.replace(target, match[2]) if match[2] else problem
            said = text if match[2] in text else f"{match[2]}: {text}"
            found.append(Fault(entry.place, f"webhook {name!r}: {said}"))
        else:
            found.append(Fault(_places(chunk), problem))
    return found


def _places(chunk: Chunk) -> str:
    first, last = chunk.entries[0].place, chunk.entries[-1].place
    return first if first == last else f"{first} to {last.rpartition(' ')[2]}"
