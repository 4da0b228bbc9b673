"""Parse payloads: the subject of an event and its time, as a consumer does."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from portcall.loadtest.payloads.actions import REMOVING
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import PING
from portcall.schemas.timestamps import normalised_timestamp

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_WORDS = {"pushed": "push", "deleted": "delete", "push": "push", "delete": "delete"}


class ReadEvent(Struct, frozen=True):
    """One event as a consumer understands it.

    Attributes:
        action: ACR's word.
        keys: Its subjects: of two notices with a common key, the newer one wins.
        at: When it happened; the greater value is newer.
        id: The id in the body; empty: it has none.
    """

    action: str
    keys: tuple[str, ...]
    at: str
    id: str = ""


OTHER = ReadEvent("", (), "")
"""A body of which nothing is read, such as a chat's message."""


def read(body: bytes, headers: Mapping[str, str]) -> ReadEvent:
    """Parse a body of any of `loadtest.payloads.formats`.

    Args:
        body: The content of the POST.
        headers: Its headers; names are looked up in lower case.

    Raises:
        InvalidValueError: It is no JSON object, or none that a registry sends.
    """
    try:
        document = _decode(body)
        return _read(document, headers)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidValueError("body", f"is not a JSON object: {error}") from error
    except KeyError as error:
        raise InvalidValueError("body", f"is not a registry's event: it has no {error}") from error
    except (IndexError, TypeError, AttributeError, OverflowError) as error:
        problem = "is not a registry's event: a field is not of the type that it has there"
        raise InvalidValueError("body", problem) from error


def _read(document: dict[str, Any], headers: Mapping[str, str]) -> ReadEvent:
    if "events" in document:
        return _acr(document["events"][0])
    if "event_data" in document:
        action = "push" if document["type"] == "PUSH_ARTIFACT" else "delete"
        return _harbor(action, document["event_data"], f"{int(document['occur_at']):020d}")
    if "push_data" in document:
        pushed = document["push_data"]
        key = f"{document['repository']['repo_name']}:{pushed['tag']}"
        return ReadEvent("push", (key,), f"{int(pushed['pushed_at']):020d}")
    if "registry_package" in document:
        return _github(document["registry_package"])
    if "specversion" in document:
        return _cloudevent(document)
    return _acr(document, headers.get("ce-id", ""))


def _github(package: dict[str, Any]) -> ReadEvent:
    version = package["package_version"]
    repository = f"{package['namespace']}/{package['name']}"
    tag = version["container_metadata"]["tag"]["name"]
    at = normalised_timestamp(version["updated_at"])
    return ReadEvent("push", _keys("push", repository, tag, version["version"]), at)


def _cloudevent(document: dict[str, Any]) -> ReadEvent:
    data = document["data"]
    if "resources" in data:
        action = _WORDS[document["type"].rpartition(".")[2]]
        return _harbor(action, data, normalised_timestamp(document["time"]), document["id"])
    return _acr(data, document["id"])


def _harbor(action: str, data: Mapping[str, Any], at: str, event_id: str = "") -> ReadEvent:
    resource, repository = data["resources"][0], data["repository"]["repo_full_name"]
    keys = _keys(action, repository, resource.get("tag", ""), resource["digest"])
    return ReadEvent(action, keys, at, event_id)


def _acr(document: Mapping[str, Any], event_id: str = "") -> ReadEvent:
    action = str(document["action"])
    at, own_id = normalised_timestamp(str(document["timestamp"])), str(document["id"])
    if action == PING:
        return ReadEvent(PING, (), at, own_id)
    target = document["target"]
    keys = _keys(action, target["repository"], target.get("tag", ""), target.get("digest", ""))
    return ReadEvent(action, keys, at, event_id or own_id)


def _keys(action: str, repository: str, tag: str, digest: str) -> tuple[str, ...]:
    about = f"{repository}@{digest}" if digest else repository
    return (about,) if action in REMOVING or not tag else (f"{repository}:{tag}", about)
