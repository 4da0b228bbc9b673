"""The input of `portcall webhook import`: JSON lines, or the array of `az acr webhook list`.

An entry is one webhook of the file, in the form that the API takes, with its place in the file, so
that errors can name the line. This module does no I/O except reading the given lines.
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
"""The limits of a request: so many webhooks, and about so many bytes (the server takes 8 MiB)."""

_REGISTRY = re.compile(r"/registries/([^/]+)", re.IGNORECASE)
_PROPERTIES = ("serviceUri", "customHeaders", "status", "scope", "actions", "portcall")


class EntryError(CliError):
    """An entry is not a webhook; the message names the field."""


@dataclass(frozen=True, slots=True)
class WebhookEntry:
    """One webhook of the file.

    Attributes:
        place: Its place, e.g. ``line 3``.
        registry: The registry that it is for.
        item: The webhook as sent to the API.
        size: Its bytes in the file.
    """

    place: str
    registry: str
    item: Document
    size: int

    @property
    def lost_secret(self) -> bool:
        """Whether it had a secret when it was exported; secrets are never exported."""
        portcall = self.item["properties"].get("portcall")
        return (
            isinstance(portcall, dict)
            and bool(portcall.get("hasSecret"))
            and not portcall.get("secret")
            and portcall.get("signature") != Scheme.V1A
        )

    @property
    def lost_certificate(self) -> bool:
        """Whether it had a client certificate when it was exported; the key is never exported."""
        portcall = self.item["properties"].get("portcall")
        return (
            isinstance(portcall, dict)
            and bool(portcall.get("clientCertificateSubject"))
            and not portcall.get("clientKey")
        )


@dataclass(frozen=True, slots=True)
class EntryFault:
    """An error in the file, and its place."""

    place: str
    problem: str


@dataclass(slots=True)
class Chunk:
    """The webhooks of one request, all or nothing; with a fault it is not sent."""

    registry: str
    entries: list[WebhookEntry] = field(default_factory=list)
    faults: list[EntryFault] = field(default_factory=list)
    size: int = 0

    @property
    def count(self) -> int:
        """Return how many webhooks of the file are in it, unreadable ones included."""
        return len(self.entries) + len(self.faults)


def read_entries(
    file: Iterable[bytes], registry: str | None
) -> Iterator[WebhookEntry | EntryFault]:
    """Read a file's webhooks one by one; unreadable ones become an `EntryFault`.

    Args:
        file: The lines.
        registry: The registry for all of them; None: each one names it in its ``id``.
    """
    for place, document, size in _documents(file):
        if isinstance(document, EntryFault):
            yield document
            continue
        try:
            yield entry_of(place, document, size, registry)
        except EntryError as error:
            yield EntryFault(place, str(error))


def _documents(file: Iterable[bytes]) -> Iterator[tuple[str, object, int]]:
    """Yield each JSON document with its place and size; an `EntryFault` if it is not JSON."""
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
                problem = f"is not JSON ({error}): write one webhook on each line, or an array"
                yield place, EntryFault(place, problem), len(text)


def _array(text: bytes) -> Iterator[tuple[str, object, int]]:
    try:
        documents = json.loads(text)
    except ValueError as error:
        yield "the array", EntryFault("the array", f"is not JSON: {error}"), len(text)
        return
    size = len(text) // max(1, len(documents))
    for number, document in enumerate(documents, 1):
        yield f"entry {number}", document, size


def entry_of(place: str, document: object, size: int, registry: str | None) -> WebhookEntry:
    """Make an entry from a webhook as Portcall exports it, or as az or the API list it.

    The location is left out: a webhook here has its registry's location.

    Raises:
        EntryError: It has no name, no service URI, or no registry.
    """
    if not isinstance(document, dict):
        raise EntryError("is not a webhook: a JSON object was expected")
    name = document.get("name")
    if not isinstance(name, str) or not name:
        raise EntryError("name: is required")
    registry = registry or _registry_of(document)
    if not registry:
        raise EntryError(f"webhook {name!r} does not name its registry: give it with --registry")
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
    return WebhookEntry(place, registry, item, size)


def _without_lost_secret(extras: Document) -> Document:
    """Remove the signature ``v1`` if its secret is missing: no consumer would know a new secret.

    For ``v1a`` a new key is created; its public half can be read.
    """
    if extras.get("signature") == Scheme.V1 and not extras.get("secret"):
        return {key: each for key, each in extras.items() if key != "signature"}
    return extras


def _registry_of(document: Document) -> str:
    match = _REGISTRY.search(str(document.get("id") or ""))
    return match[1] if match else ""


def chunks(entries: Iterable[WebhookEntry | EntryFault]) -> Iterator[Chunk]:
    """Split the entries, in their order, into requests for one registry each."""
    chunk = Chunk("")
    for entry in entries:
        if isinstance(entry, EntryFault):
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


def _fits(chunk: Chunk, entry: WebhookEntry) -> bool:
    return (
        entry.registry == chunk.registry
        and chunk.count < CHUNK_ENTRIES
        and chunk.size + entry.size <= CHUNK_BYTES
    )


_IN_VALUE = re.compile(r"value\[(\d+)\]\.?(.*)")


def faults_of(chunk: Chunk, faults: Iterable[tuple[str, str]]) -> list[EntryFault]:
    """Translate the server's faults into places: ``value[3].…`` is the fourth entry."""
    found = []
    for target, problem in faults:
        match = _IN_VALUE.fullmatch(target)
        if match and int(match[1]) < len(chunk.entries):
            entry = chunk.entries[int(match[1])]
            name = entry.item["name"]
            text = problem.replace(target, match[2]) if match[2] else problem
            said = text if match[2] in text else f"{match[2]}: {text}"
            found.append(EntryFault(entry.place, f"webhook {name!r}: {said}"))
        else:
            found.append(EntryFault(_places(chunk), problem))
    return found


def _places(chunk: Chunk) -> str:
    first, last = chunk.entries[0].place, chunk.entries[-1].place
    return first if first == last else f"{first} to {last.rpartition(' ')[2]}"
