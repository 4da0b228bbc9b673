"""ACR's own format, for webhooks that get the children of an index, or the tags of a delete.

Webhooks without the filters `coalesce` and `tagsOnDelete` need no renderer: their body is the
event's own bytes.
"""

from portcall.schemas.formats.facts import Facts, Options
from portcall.schemas.formats.results import Rendered, Result

USER_AGENT = "AzureContainerRegistry/1.0"
"""Kargo checks for it. Source: akuity/kargo, pkg/webhook/external/azure.go."""


def render(facts: Facts, options: Options) -> Result:
    """Render an event."""
    del options
    return Rendered(bytes(facts.event.body))
