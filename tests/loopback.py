"""An application of aiohttp on a free port of the loopback, for the time of a block."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from portcall.cli.ports import HOST


@asynccontextmanager
async def on_loopback(
    app: web.Application, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Serve an application; gives its URL, without a slash at the end.

    Args:
        app: The application.
        tls: The server's side of TLS; None: plain HTTP.
    """
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, 0, backlog=1024, ssl_context=tls).start()
        yield f"{'https' if tls else 'http'}://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
