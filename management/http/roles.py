"""The permissions of each role, and ARM's refusals."""

from portcall.management.http.access import Principal
from portcall.management.http.errors import ArmError
from portcall.management.http.routes import PROVIDER, Route, segments_of
from portcall.store.access.principals import Role

NOBODY = Principal("", Role.PUBLISHER)
"""The caller of a route without authentication."""

_VERBS = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
_PROVIDER = segments_of(PROVIDER)


def authorize(principal: Principal, route: Route, path: str) -> None:
    """Let a principal call a route.

    Args:
        principal: The caller.
        route: The route.
        path: The path as it was sent.

    Raises:
        ArmError: 403: Its role does not allow that.
    """
    match principal.role:
        case Role.ADMINISTRATOR:
            return
        case Role.READER if route.need is Role.READER:
            return
        case _:
            raise authorization_failed(principal, action_of(route), path)


def authorization_failed(principal: Principal, action: str, path: str) -> ArmError:
    """The 403 with ARM's text."""
    return ArmError(
        403,
        "AuthorizationFailed",
        f"The client '{principal.name}' with object id '{principal.client_id}' does not have"
        f" authorization to perform action '{action}' over scope '{path[:256]}' or the scope is"
        f" invalid. It has the role {principal.role}.",
    )


def action_of(route: Route) -> str:
    """ARM's name for the call of a route: the types in its path, and a verb.

    ``Microsoft.ContainerRegistry/registries/webhooks/ping/action``, for example.
    """
    words = route.template
    for start in range(len(words)):
        if words[start : start + len(_PROVIDER)] == _PROVIDER:
            words = words[start + 1 :]
            break
    else:
        words = ("Microsoft.Resources", *words)
    named = "/".join(word for word in words if not word.startswith("{"))
    return f"{named}/{_VERBS.get(route.method, 'action')}"
