"""The table of routes: ARM's paths, whose fixed words have no case.

aiohttp's own router distinguishes case, and has its own error texts; so one aiohttp route takes
every path, and this table routes it.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from aiohttp import web

from portcall.management.http.calls import Call
from portcall.management.http.errors import ArmError
from portcall.store.access.principals import Role

Handler = Callable[[Call], Awaitable[web.StreamResponse]]

SUBSCRIPTION = "/subscriptions/{subscription}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/{{group}}"
PROVIDER = "/providers/Microsoft.ContainerRegistry"
REGISTRIES = f"{GROUP}{PROVIDER}/registries"
REGISTRY = f"{REGISTRIES}/{{registry}}"
WEBHOOKS = f"{REGISTRY}/webhooks"
WEBHOOK = f"{WEBHOOKS}/{{webhook}}"
CONSOLE = "/console"
"""The path of the pages for people; they have their own routes."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    Attributes:
        method: In capitals.
        template: The path's segments; ``{name}`` matches any segment but an empty one.
        handler: Answers.
        need: The least role that may call it.
    """

    method: str
    template: tuple[str, ...]
    handler: Handler
    need: Role

    @property
    def path(self) -> str:
        """The template as it was written."""
        return "/" + "/".join(self.template)

    def parameters(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """The values of the template's names in *segments*; None: it is another path."""
        found = {}
        for expected, segment in zip(self.template, segments, strict=True):
            if expected.startswith("{"):
                if not segment:
                    return None
                found[expected[1:-1]] = segment
            elif expected.lower() != segment.lower():
                return None
        return found


class Routes:
    """Every route of the API."""

    def __init__(self) -> None:
        self._routes: dict[int, list[Route]] = {}

    def add(self, method: str, path: str, handler: Handler, *, need: Role | None = None) -> None:
        """Add a route; if two match the same path, the one with fewer ``{names}`` is used.

        Args:
            method: In capitals.
            path: With ``{names}``.
            handler: Answers.
            need: The role that it needs; None: a reader for a GET, the administrator for the rest.
        """
        if need is None:
            need = Role.READER if method == "GET" else Role.ADMINISTRATOR
        route = Route(method, segments_of(path), handler, need)
        self._routes.setdefault(len(route.template), []).append(route)

    def __iter__(self) -> Iterator[Route]:
        for routes in self._routes.values():
            yield from routes

    def has(self, path: str) -> bool:
        """Whether a route has that path, with any method."""
        segments = segments_of(path)
        routes = self._routes.get(len(segments), ())
        return any(route.parameters(segments) is not None for route in routes)

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        """The route of a request, and the values of the names in its path.

        Args:
            method: The request's method.
            path: Its path as it was sent, percent-encoded.

        Raises:
            ArmError: 404: no route has the path; 405: none of those that do has the method.
        """
        segments = segments_of(path)
        fits = [
            (route, parameters)
            for route in self._routes.get(len(segments), ())
            if (parameters := route.parameters(segments)) is not None
        ]
        # A fixed path has priority over a name: ``deadLetters/resend`` is not a letter.
        fewest = min((len(parameters) for _, parameters in fits), default=0)
        fits = [each for each in fits if len(each[1]) == fewest]
        for route, parameters in fits:
            if route.method == method:
                return route, parameters
        if fits:
            allowed = {route.method for route, _ in fits}
            raise ArmError(
                405,
                "MethodNotAllowed",
                f"The requested resource does not support http method '{method[:16]}'.",
                headers={"Allow": ", ".join(sorted(allowed))},
            )
        raise ArmError(404, "NotFound", f"No resource has the path '{path[:256]}'.")


def segments_of(path: str) -> tuple[str, ...]:
    """Split a percent-encoded path; a slash at its end, or a second one in front, is ignored.

    It is split before decoding: an encoded slash belongs to its segment.
    """
    inner = path.lstrip("/").removesuffix("/")
    return tuple(unquote(segment, errors="replace") for segment in inner.split("/"))
