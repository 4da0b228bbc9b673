"""Which actions add something to a registry, and which remove it again."""

from portcall.schemas.events import Action

PUSHING = {
    Action.PUSH.value: Action.DELETE.value,
    Action.CHART_PUSH.value: Action.CHART_DELETE.value,
}
"""An action that adds something, and the one that removes it."""
REMOVING = {removing: pushing for pushing, removing in PUSHING.items()}
