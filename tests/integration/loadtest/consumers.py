"""The consumers of docs/examples, each in a process of its own.

In threads of the test's process they would keep its event loop from sending for more than a second
at times: for so long the naive one waits before it hangs up.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portcall.cli.ports import free_ports

EXAMPLES = Path(__file__).parents[3] / "docs/examples"


@contextmanager
def example(name: str, secret: str) -> Iterator[str]:
    """Serve ``docs/examples/<name>_consumer.py``; gives its URL."""
    port = free_ports(1)[0]
    command = [sys.executable, str(EXAMPLES / f"{name}_consumer.py"), str(port)]
    environment = {**os.environ, "WEBHOOK_SECRET": secret}
    with subprocess.Popen(  # noqa: S603 (our own program)
        command, env=environment, stdout=subprocess.PIPE, text=True
    ) as program:
        try:
            assert program.stdout is not None
            assert "Listening" in program.stdout.readline()
            yield f"http://127.0.0.1:{port}"
        finally:
            program.kill()
