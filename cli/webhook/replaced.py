"""What `portcall webhook create` says of a webhook that was there already."""

from collections.abc import Mapping

from portcall.cli.client import Document, Management
from portcall.cli.errors import NotFoundError, ServiceError

_SHOWN = frozenset({"status", "scope", "actions"})
"""Their values are named; others may hold credentials, or are long."""
_FACTS = frozenset(
    {
        "createdAt", "counters", "failingSince", "probedAt", "statusReason", "statusCause",
        "statusChangedAt", "publicKey", "previousSignature", "previousPublicKey", "previousUntil",
        "secret", "warnings", "defaults",
    }
)  # fmt: skip
"""What changes by itself, or is no setting."""


def webhook_before(management: Management, path: str) -> Document | None:
    """Return a webhook with its URI and headers, if they may be read; None: there is none."""
    try:
        webhook = management.ask("GET", path)
    except NotFoundError:
        return None
    return with_callback(management, path, webhook)


def with_callback(management: Management, path: str, webhook: Document) -> Document:
    """Return a webhook with its URI and headers, as far as they may be read."""
    try:
        config = management.ask("POST", f"{path}/getCallbackConfig")
    except ServiceError:
        return webhook
    callback = {"serviceUri": "", "customHeaders": {}, **config}
    return {**webhook, "properties": {**_object(webhook.get("properties")), **callback}}


def replacement(name: str, before: Document, after: Document) -> str:
    """Say that a webhook was replaced, and which settings changed.

    Args:
        name: Its name.
        before: As it was.
        after: As it is.
    """
    old, new = _settings(before), _settings(after)
    changed = [
        _change(key, old.get(key), new.get(key))
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    ]
    said = f"changed: {'; '.join(changed)}" if changed else "nothing changed"
    return f"Replaced the webhook {name}, which was there already; {said}."


def _settings(webhook: Document) -> dict[str, object]:
    properties = _object(webhook.get("properties"))
    extras = _object(properties.get("portcall"))
    own = {key: each for key, each in properties.items() if key != "portcall"}
    return {
        "tags": webhook.get("tags") or {},
        **own,
        **{key: each for key, each in extras.items() if key not in _FACTS},
    }


def _change(key: str, old: object, new: object) -> str:
    if key not in _SHOWN:
        return key
    return f"{key} ({_words(old)} before, now {_words(new)})"


def _words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value) if value else "none"


def _object(document: object) -> Mapping[str, object]:
    return document if isinstance(document, Mapping) else {}
