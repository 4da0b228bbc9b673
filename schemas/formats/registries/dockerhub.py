"""The format ``dockerhub``: Docker Hub's webhooks. It has pushes of tags, and no proof.

Receivers take docker.io for the host: use it for mirrors of Docker Hub.

Source: Docker's documentation of webhooks.
"""

from portcall.schemas.events import Action
from portcall.schemas.formats.facts import Facts, Options, encoded
from portcall.schemas.formats.results import Rendered, Result
from portcall.schemas.formats.saying import omitted

_ACTIONS = frozenset((Action.PUSH,))
_LIBRARY = "library"


def render(facts: Facts, options: Options) -> Result:
    """Render an event; a ping is ACR's, as Docker Hub has none."""
    del options
    if facts.is_ping:
        return Rendered(bytes(facts.event.body))
    if instead := omitted(facts, "Docker Hub", actions=_ACTIONS, needs_tag=True):
        return instead
    namespace, slash, name = facts.repository.rpartition("/")
    owner = namespace if slash else _LIBRARY
    push = {
        "pushed_at": facts.seconds,
        "pusher": facts.actor or "portcall",
        "tag": facts.tag,
        "images": [],
        "media_type": facts.target.media_type or "",
    }
    repository = {
        "repo_name": facts.repository,
        "name": name,
        "namespace": owner,
        "owner": owner,
        "repo_url": f"https://hub.docker.com/r/{facts.repository}",
        "status": "Active",
        "is_private": True,
        "is_official": not slash,
        "is_trusted": False,
        "date_created": 0,
        "description": "",
        "full_description": "",
        "dockerfile": "",
        "star_count": 0,
        "comment_count": 0,
    }
    return Rendered(encoded({"callback_url": "", "push_data": push, "repository": repository}))
