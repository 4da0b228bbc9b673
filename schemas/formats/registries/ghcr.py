"""The format ``ghcr``: GitHub's ``package`` (or ``registry_package``) webhook of a container.

The proof, ``X-Hub-Signature-256``, depends on the webhook's secret: the deliverer adds it. GitHub
tells of no deletes.

Source: octokit/webhooks, payload-schemas of package and registry_package; GitHub's documentation.
"""

import uuid

from portcall.schemas.events import Action
from portcall.schemas.formats.facts import Facts, Options, encoded
from portcall.schemas.formats.results import Headers, Omitted, Rendered, Result
from portcall.schemas.formats.saying import omitted

EVENT, DELIVERY = "X-GitHub-Event", "X-GitHub-Delivery"
SIGNATURE = "X-Hub-Signature-256"
_ACTIONS = frozenset((Action.PUSH,))
_IDS = uuid.UUID("6d2e1b6e-5f8e-5f43-9a51-6e0c3a3f6f0d")
"""The namespace of our delivery ids: an event's is the same on each attempt."""
_NOT_KNOWN = "0001-01-01T00:00:00Z"
"""GitHub itself sends it as the version's time."""


def render(facts: Facts, options: Options) -> Result:
    """Render an event."""
    if facts.is_ping:
        ping = {"zen": "Keep it logically awesome.", "hook_id": 1, "hook": {"type": "Repository"}}
        return Rendered(encoded(ping), _headers(facts, "ping"))
    if instead := omitted(facts, "GHCR", actions=_ACTIONS):
        return instead
    owner, slash, name = facts.repository.partition("/")
    if not slash:
        return Omitted("the format of GHCR needs a repository with an owner, as in owner/name")
    kind = options.get("event", "package")
    user = _user(owner)
    body = {
        "action": "published",
        kind: _package(facts, owner, name, user),
        "sender": _user(facts.actor or owner),
    }
    if kind == "registry_package":
        body["organization"] = {"login": owner}
    return Rendered(encoded(body), _headers(facts, kind))


def headers(webhook_id: int) -> Headers:
    """The headers of a webhook."""
    return (("X-GitHub-Hook-ID", str(webhook_id)),)


def _headers(facts: Facts, kind: str) -> Headers:
    delivery = uuid.uuid5(_IDS, f"{facts.event.registry}/{facts.id}")
    return ((EVENT, kind), (DELIVERY, str(delivery)))


def _package(facts: Facts, owner: str, name: str, user: dict[str, object]) -> dict[str, object]:
    page = f"https://github.com/{owner}/packages/container/package/{name}"
    return {
        "id": 0,
        "name": name,
        "namespace": owner,
        "description": "",
        "ecosystem": "CONTAINER",
        "package_type": "CONTAINER",
        "html_url": page,
        "created_at": facts.time,
        "updated_at": facts.time,
        "owner": user,
        "package_version": _version(facts, page, user),
        "registry": {
            "about_url": "https://docs.github.com/packages",
            "name": "GitHub docker registry",
            "type": "docker",
            "url": f"https://{facts.host}/{owner}",
            "vendor": "GitHub Inc",
        },
    }


def _version(facts: Facts, page: str, user: dict[str, object]) -> dict[str, object]:
    digest = facts.digest
    container = {
        "tag": {"name": facts.tag, "digest": digest},
        "labels": {},
        "manifest": {
            "digest": digest,
            "media_type": facts.target.media_type or "",
            "size": facts.target.size or 0,
            "uri": f"repositories/{facts.repository}/manifests/{digest}",
            "config": {"digest": "", "media_type": "", "size": 0},
            "layers": [],
        },
    }
    return {
        "id": 0,
        "version": digest,
        "name": digest,
        "summary": "",
        "description": "",
        "body": "",
        "html_url": page,
        "target_commitish": "",
        "target_oid": "",
        "created_at": _NOT_KNOWN,
        "updated_at": facts.time,
        "metadata": [],
        "package_files": [],
        "installation_command": f"docker pull {facts.reference}",
        "package_url": f"{facts.host}/{facts.repository}:{facts.tag}",
        "author": user,
        "container_metadata": container,
    }


def _user(login: str) -> dict[str, object]:
    url = f"https://api.github.com/users/{login}"
    return {
        "login": login,
        "id": 0,
        "node_id": "",
        "avatar_url": "",
        "gravatar_id": "",
        "url": url,
        "html_url": f"https://github.com/{login}",
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
