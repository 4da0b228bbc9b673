"""Run the sink until a signal stops it."""

import asyncio
import signal
from collections.abc import Callable

from aiohttp import web

from portcall.loadtest.sink.memory import Memory
from portcall.loadtest.sink.server import Sink
from portcall.runtime.http.listening import why_not
from portcall.schemas.errors import PortcallError


class SinkError(PortcallError):
    """The sink cannot listen."""


async def serve(
    sink: Sink, memory: Memory, *, host: str, port: int, ready: Callable[[str], None]
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        sink: The server.
        memory: Opened before the first request, closed after the last.
        host: The address to listen on.
        port: The port; 0: any free one.
        ready: Called with the URL when it listens.

    Raises:
        SinkError: The address is in use, or not of this machine.
    """
    memory.open()
    runner = web.AppRunner(sink.app(), access_log=None, handle_signals=False, shutdown_timeout=1)
    await runner.setup()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    try:
        site = web.TCPSite(runner, host, port, backlog=2_000)
        try:
            await site.start()
        except (OSError, UnicodeError) as error:
            raise SinkError(f"cannot listen on {host}:{port}: {why_not(error)}") from error
        # aiohttp's own name for port 0 has no port.
        address = runner.addresses[0]
        ready(f"http://{f'[{host}]' if ':' in host else host}:{address[1]}")
        await stop.wait()
    finally:
        await runner.cleanup()
        memory.close()
