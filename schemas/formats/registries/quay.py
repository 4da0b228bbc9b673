"""The format ``quay``: Quay's notification of a push to a repository. It has no proof.

Source: quay/quay, notifications/notificationevent.py of 3.17.
"""

from portcall.schemas.events import Action
from portcall.schemas.formats.facts import Facts, Options, encoded
from portcall.schemas.formats.results import Rendered, Result
from portcall.schemas.formats.saying import omitted

_ACTIONS = frozenset((Action.PUSH,))


def render(facts: Facts, options: Options) -> Result:
    """Render an event; a ping is ACR's, as Quay's test looks like a push."""
    del options
    if facts.is_ping:
        return Rendered(bytes(facts.event.body))
    if instead := omitted(facts, "Quay", actions=_ACTIONS, needs_tag=True):
        return instead
    namespace, _, name = facts.repository.rpartition("/")
    notification = {
        "repository": facts.repository,
        "namespace": namespace,
        "name": name,
        "docker_url": f"{facts.host}/{facts.repository}",
        "homepage": f"https://{facts.host}/repository/{facts.repository}",
        "updated_tags": [facts.tag],
    }
    return Rendered(encoded(notification))
