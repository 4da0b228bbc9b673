"""The format ``ghcr``: GitHub's ``package`` (or ``registry_package``) webhook of a container.

The proof, ``X-Hub-Signature-256``, depends on the webhook's secret: the deliverer adds it. GitHub
tells of no deletes.

Source: octokit/webhooks, payload-schemas of package and registry_package; GitHub's documentation.
"""

import hashlib
import re
import uuid
from functools import lru_cache
from urllib.parse import quote

import msgspec

from portcall.schemas.events import Action
from portcall.schemas.formats.facts import Facts, Options, encoded
from portcall.schemas.formats.results import Headers, Omitted, Rendered, Result
from portcall.schemas.formats.saying import no_such_event
from portcall.schemas.formats.shapes import Shape, inners, slot, text_slot

EVENT, DELIVERY = "X-GitHub-Event", "X-GitHub-Delivery"
SIGNATURE = "X-Hub-Signature-256"
PACKAGE = "package"
"""The usual event; the other is ``registry_package``."""
DELIVERIES = uuid.UUID("6d2e1b6e-5f8e-5f43-9a51-6e0c3a3f6f0d")
"""The namespace of our delivery ids where an event's own is none: the same on each attempt."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NOT_KNOWN = "0001-01-01T00:00:00Z"
"""GitHub itself sends it as the version's time."""
_NO_CONFIG = msgspec.Raw(encoded({"digest": "", "media_type": "", "size": 0}))
_KEPT = 1024
"""Users, registries and shapes whose JSON is kept."""
_DIGEST, _TIME, _TYPE, _SIZE, _TAG, _PULLED = "digest", "time", "type", "size", "tag", "pulled"
"""What differs between the pushes to a repository: many a tag is pushed once."""


def render(facts: Facts, options: Options) -> Result:
    """Render an event."""
    if facts.action == Action.PUSH:
        return _published(facts, options)
    if facts.is_ping:
        ping = {"zen": "Keep it logically awesome.", "hook_id": 1, "hook": {"type": "Repository"}}
        headers = {EVENT: "ping", DELIVERY: _delivery_id(facts)}
        return Rendered.of(encoded(ping), headers)
    return no_such_event(facts, "GHCR")


def _published(facts: Facts, options: Options) -> Result:
    owner, slash, _ = facts.repository.partition("/")
    if not slash:
        return Omitted("the format of GHCR needs a repository with an owner, as in owner/name")
    kind = options.get("event", PACKAGE)
    digest, tag, time, media_type = inners(
        facts.digest, facts.tag, facts.time, facts.target.media_type or ""
    )
    values = {
        _DIGEST: digest,
        _TIME: time,
        _TYPE: media_type,
        _SIZE: b"%d" % (facts.target.size or 0),
        _TAG: tag,
        _PULLED: b":" + tag if tag else b"@" + digest if digest else b"",
    }
    shape = _shape(kind, facts.host, facts.repository, facts.actor or owner)
    delivery_id = _delivery_id(facts)
    headers = {EVENT: kind, DELIVERY: delivery_id}
    lines = f"{EVENT}: {kind}\r\n{DELIVERY}: {delivery_id}\r\n"
    return Rendered(shape.filled(values), headers, lines, shape.common)


def headers(webhook_id: int) -> Headers:
    """The headers of a webhook."""
    return {"X-GitHub-Hook-ID": str(webhook_id)}


def _delivery_id(facts: Facts) -> str:
    """The event's id, if it is a UUID as GitHub's ids are; else one of version 5 made of it.

    The latter is what `uuid.uuid5` makes, in a third of its 3.7 us. Source: RFC 9562, 5.5.
    """
    if _UUID.fullmatch(facts.id):
        return facts.id
    name = f"{facts.event.registry}/{facts.id}"
    made = hashlib.sha1(DELIVERIES.bytes + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(made[16], 16) & 3]
    return f"{made[:8]}-{made[8:12]}-5{made[13:16]}-{variant}{made[17:20]}-{made[20:32]}"


@lru_cache(maxsize=_KEPT)
def _shape(kind: str, host: str, repository: str, sender: str) -> Shape:
    """The body of all pushes to a repository by one sender; what all have is before what differs.

    So most of it is hashed once for all signatures. The version of a ``registry_package`` has no
    author: GitHub's schema asks for none, but for a whole user in each.
    """
    owner, _, name = repository.partition("/")
    page = f"https://github.com/{owner}/packages/container/package/{name}"
    user = _named_user(owner) if kind == PACKAGE else _user(owner)
    author = {"author": user} if kind == PACKAGE else {}
    body: dict[str, object] = {"action": "published", "sender": _user(sender)}
    if kind != PACKAGE:
        body["organization"] = {"login": owner}
    body[kind] = {
        "id": 0,
        "name": name,
        "namespace": owner,
        "description": "",
        "ecosystem": "CONTAINER",
        "package_type": "CONTAINER",
        "html_url": page,
        "owner": user,
        "registry": _registry(f"https://{host}/{owner}"),
        "package_version": author | _version(f"{host}/{repository}", repository, page),
        "created_at": text_slot(_TIME),
        "updated_at": text_slot(_TIME),
    }
    return Shape.of(body)


def _version(image: str, repository: str, page: str) -> dict[str, object]:
    container = {
        "labels": {},
        "tag": {"name": text_slot(_TAG), "digest": text_slot(_DIGEST)},
        "manifest": {
            "config": _NO_CONFIG,
            "layers": [],
            "digest": text_slot(_DIGEST),
            "media_type": text_slot(_TYPE),
            "size": slot(_SIZE),
            "uri": f"repositories/{repository}/manifests/{text_slot(_DIGEST)}",
        },
    }
    return {
        "id": 0,
        "summary": "",
        "description": "",
        "body": "",
        "html_url": page,
        "target_commitish": "",
        "target_oid": "",
        "created_at": _NOT_KNOWN,
        "metadata": [],
        "package_files": [],
        "version": text_slot(_DIGEST),
        "name": text_slot(_DIGEST),
        "updated_at": text_slot(_TIME),
        "installation_command": f"docker pull {image}{text_slot(_PULLED)}",
        "package_url": f"{image}:{text_slot(_TAG)}",
        "container_metadata": container,
    }


@lru_cache(maxsize=_KEPT)
def _registry(url: str) -> msgspec.Raw:
    """Who keeps the package, as JSON; each owner has one."""
    registry = {
        "about_url": "https://docs.github.com/packages",
        "name": "GitHub docker registry",
        "type": "docker",
        "url": url,
        "vendor": "GitHub Inc",
    }
    return msgspec.Raw(encoded(registry))


@lru_cache(maxsize=_KEPT)
def _user(login: str) -> msgspec.Raw:
    """A user, as JSON; the same few recur."""
    return msgspec.Raw(encoded(_written(login)))


@lru_cache(maxsize=_KEPT)
def _named_user(login: str) -> msgspec.Raw:
    """The same without the nine templates of URLs.

    They are more than half of a user, and no receiver reads them here. GitHub's schema does not
    ask for them in a ``package``, but in its sender and in both users of a ``registry_package``.
    """
    named = {key: value for key, value in _written(login).items() if key not in _TEMPLATES}
    return msgspec.Raw(encoded(named))


def _written(login: str) -> dict[str, object]:
    path = quote(login, safe="")
    url = f"https://api.github.com/users/{path}"
    return {
        "login": login,
        "id": 0,
        "node_id": "",
        "avatar_url": f"https://github.com/{path}.png",
        "gravatar_id": "",
        "url": url,
        "html_url": f"https://github.com/{path}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": "User",
        "site_admin": False,
    }


_TEMPLATES = frozenset(key for key in _written("") if key.endswith("_url")) - {
    "avatar_url",
    "html_url",
}
