#!/usr/bin/env python3
"""A webhook consumer with the usual mistakes; right_consumer.py has none of them.

Usage: WEBHOOK_SECRET=whsec_... naive_consumer.py [PORT]. It works as long as nothing goes wrong.
Each line with MISTAKE is one that `portcall loadtest --fault all` finds.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """A thread for each connection."""

    request_queue_size = 128

    def __init__(self, port: int, secret: str) -> None:
        super().__init__(("127.0.0.1", port), Hook)
        self.key = base64.b64decode(secret.removeprefix("whsec_"))
        self.processed: list[str] = []
        self.connections = 0


class Hook(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = 1.0  # MISTAKE: a slow sender is cut off
    server: Server

    def setup(self) -> None:
        """A connection begins."""
        super().setup()
        self.server.connections += 1  # MISTAKE: never given back, so the pool runs dry

    def do_POST(self) -> None:
        """Take one delivery."""
        try:
            self._take()
        except Exception:  # noqa: BLE001
            # MISTAKE: what the sender did wrong is answered 500, and comes again
            self.close_connection = True
            self._answer(500, b"")

    def _take(self) -> None:
        if self.server.connections > 8:
            raise OSError("no connection to the database is left")
        if not self.headers["Content-Type"].startswith("application/json"):
            raise ValueError("this is no JSON")
        length = int(self.headers["Content-Length"])
        if length > 100_000:
            raise ValueError("too long")
        event = json.loads(self.rfile.read(length))
        body = json.dumps(event, separators=(",", ":"))  # MISTAKE: not the bytes that were signed
        stamp = self.headers["webhook-timestamp"]  # MISTAKE: its age is not looked at
        content = f"{self.headers['webhook-id']}.{stamp}.{body}".encode()
        digest = hmac.digest(self.server.key, content, hashlib.sha256)
        # MISTAKE: one signature only, so a rotation of the secret cuts everybody off
        if self.headers["webhook-signature"] != "v1," + base64.b64encode(digest).decode():
            raise ValueError("the signature is wrong")
        time.sleep(0.01)  # MISTAKE: it works while the sender waits, who opens more connections
        # MISTAKE: whether it came before, or something newer did, nobody asks
        self.server.processed.append(self.headers["webhook-id"])
        self._answer(200, b"")

    def handle_expect_100(self) -> bool:
        """Answer an expectation."""
        self.send_error(417)  # MISTAKE: senders of large bodies ask first
        return False

    def do_GET(self) -> None:
        """What was processed."""
        self._answer(200, json.dumps(self.server.processed).encode())

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    if not "".join(sys.argv[1:2] or "9000").isdigit() or "WEBHOOK_SECRET" not in os.environ:
        sys.exit(__doc__)
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9000
    try:
        server = Server(port, os.environ["WEBHOOK_SECRET"])
    except OSError as error:
        sys.exit(f"Port {port}: {error.strerror}. Give another one: naive_consumer.py 9001")
    with suppress(KeyboardInterrupt):
        sys.stdout.write(f"Listening on http://127.0.0.1:{port}/; Ctrl-C ends it.\n")
        sys.stdout.flush()
        server.serve_forever()
