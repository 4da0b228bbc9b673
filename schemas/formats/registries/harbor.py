"""The format ``harbor``: Harbor's webhooks in their format "Default".

Harbor's proof is one ``Authorization`` value: a custom header of that name is sent as it was typed.

Source: goharbor/harbor, src/pkg/notifier/model and src/controller/event of 2.15.
"""

from collections.abc import Mapping

from portcall.schemas.events import Action
from portcall.schemas.formats.facts import Facts, Options, encoded
from portcall.schemas.formats.results import Rendered, Result
from portcall.schemas.formats.saying import omitted

_TYPES: Mapping[str, str] = {Action.PUSH: "PUSH_ARTIFACT", Action.DELETE: "DELETE_ARTIFACT"}
_ACTIONS = frozenset(_TYPES)
PING = "PING"
"""Harbor has no ping. Receivers skip types that they do not know, or refuse them."""
OPERATOR = "portcall"


def render(facts: Facts, options: Options) -> Result:
    """Render an event. A push without a tag is not sent: Argo CD takes the digest for a tag."""
    del options
    if facts.is_ping:
        ping = {"type": PING, "occur_at": facts.seconds, "operator": OPERATOR, "event_data": {}}
        return Rendered(encoded(ping))
    if instead := omitted(facts, "Harbor", actions=_ACTIONS, needs_tag=True):
        return instead
    namespace, slash, rest = facts.repository.partition("/")
    repository = {
        "date_created": 0,
        "name": rest if slash else namespace,
        "namespace": namespace if slash else "",
        "repo_full_name": facts.repository,
        "repo_type": "private",
    }
    event = {
        "type": _TYPES[facts.action],
        "occur_at": facts.seconds,
        "operator": facts.actor or OPERATOR,
        "event_data": {"resources": _resources(facts), "repository": repository},
    }
    return Rendered(encoded(event))


def _resources(facts: Facts) -> list[dict[str, str]]:
    """The pushed or deleted artifact; of a delete one entry for each known tag.

    Harbor itself names the first tag of a deleted artifact only; its schema has room for all.
    """
    place = f"{facts.host}/{facts.repository}"
    if facts.tags:
        return [
            {"digest": facts.digest, "tag": tag, "resource_url": f"{place}:{tag}"}
            for tag in facts.tags
        ]
    tag = facts.tag or facts.digest
    return [{"digest": facts.digest, "tag": tag, "resource_url": facts.reference}]
