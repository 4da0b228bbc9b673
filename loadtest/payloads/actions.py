"""Which actions put something into a registry, and which take the same away again."""

from portcall.schemas.events import Action

PUSHING = {
    Action.PUSH.value: Action.DELETE.value,
    Action.CHART_PUSH.value: Action.CHART_DELETE.value,
}
"""An action that puts something there, and the one that takes it away."""
REMOVING = {removing: pushing for pushing, removing in PUSHING.items()}
