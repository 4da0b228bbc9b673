"""HTTP servers whose every answer is JSON, also to what is not HTTP at all.

Beneath the middlewares of an application lies the parser: what it refuses (garbage, a header that
is too long, a broken chunk) never becomes a request, and aiohttp answers it in plain text and logs
a traceback. Here it is the client's mistake, and told in the envelope of everything else.
"""

from aiohttp import web
from aiohttp.web_request import BaseRequest


class _Protocol(web.RequestHandler):
    """One connection."""

    __slots__ = ()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,  # noqa: ARG002 (the signature is aiohttp's)
        message: str | None = None,  # noqa: ARG002 (the signature is aiohttp's)
    ) -> web.StreamResponse:
        """Answer what no application saw, and hang up."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun")
        code, text = ("InternalError", "an error of ours; it has been logged")
        if status < 500:
            code, text = ("BadRequest", "the request is not well-formed HTTP/1.1")
        response = web.json_response({"error": {"code": code, "message": text}}, status=status)
        response.force_close()
        return response


class _Server(web.Server):
    """Makes a `_Protocol` for each connection."""

    def __call__(self) -> web.RequestHandler:
        return _Protocol(self, loop=self._loop, **self._kwargs)


class JsonRunner(web.AppRunner):
    """Runs an application, and answers in JSON what does not reach it."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **made._kwargs,  # noqa: SLF001 (aiohttp gives no other way to its options)
        )
