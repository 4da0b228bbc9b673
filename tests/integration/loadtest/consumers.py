"""The consumers of docs/examples, in a thread of the test's process."""

import runpy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, cast

from cli.ports import free_ports

EXAMPLES = Path(__file__).parents[3] / "docs/examples"


class ServerType(Protocol):
    def __call__(self, port: int, secret: str) -> "Server": ...


class Server(Protocol):
    daemon_threads: bool
    block_on_close: bool

    def serve_forever(self, poll_interval: float = 0.5) -> None: ...
    def shutdown(self) -> None: ...
    def server_close(self) -> None: ...


@contextmanager
def example(name: str, secret: str) -> Iterator[str]:
    """Serve ``docs/examples/<name>_consumer.py``; gives its URL."""
    port = free_ports(1)[0]
    made = cast("ServerType", runpy.run_path(str(EXAMPLES / f"{name}_consumer.py"))["Server"])
    server = made(port, secret)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
