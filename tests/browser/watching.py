"""What no page of the console may do, noted whenever one does."""

from typing import TYPE_CHECKING

from yarl import URL

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, ConsoleMessage, Request, Response, WebError

_TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy: ${event.violatedDirective} forbids ${event.blockedURI}, ${event.sample}`);
});
"""
_NOT_OK = "Failed to load resource: the server responded with a status of 4"
"""A page with a problem in it is a 400; `Watch` looks at every response itself."""
_ABORTED = ("htmx:afterRequest, ", "htmx:sendAbort, ")
"""Who types on has no use for the answer to what was typed before; htmx calls that an error."""
_PARTS = frozenset({"script", "stylesheet", "image", "font"})


class Watch:
    """Notes errors in the console, violations of the content security policy, requests that leave
    the origin, files that are missing, and answers of 500 and above.

    Args:
        origin: Of the console.

    Attributes:
        faults: What was seen, in words.
    """

    def __init__(self, origin: str) -> None:
        self._origin = URL(origin).origin()
        self.faults: list[str] = []

    async def over(self, context: "BrowserContext") -> None:
        """Watch every page of *context*."""
        await context.add_init_script(_TELL_VIOLATIONS)
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("request", self._on_request)
        context.on("response", self._on_response)

    def _on_console(self, message: "ConsoleMessage") -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(
            (_NOT_OK, *_ABORTED)
        ):
            self.faults.append(f"console {message.type}: {message.text}")

    def _on_error(self, error: "WebError") -> None:
        self.faults.append(f"exception: {error.error}")

    def _on_request(self, request: "Request") -> None:
        url = URL(request.url)
        if url.scheme != "data" and url.origin() != self._origin:
            self.faults.append(f"a request left the origin: {request.url}")

    def _on_response(self, response: "Response") -> None:
        is_part = response.request.resource_type in _PARTS
        if response.status >= 500 or (is_part and response.status >= 400):
            self.faults.append(f"{response.status}: {response.url}")
