#!/usr/bin/env python3
"""The smallest consumer: it prints every POST and answers 204. Usage: consumer.py [PORT]."""

import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hook(BaseHTTPRequestHandler):
    """Answers a webhook's requests."""

    seen: set[str] = set()  # noqa: RUF012 (shared by all requests, as a real one's table would be)

    def do_POST(self) -> None:
        """Take one POST; the same webhook-id again is a repetition."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        delivery = self.headers.get("webhook-id", "")
        again = " (again)" if delivery in self.seen else ""
        self.seen.add(delivery)
        sys.stdout.write(f"{self.path} {delivery}{again}\n{body}\n\n")
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing more."""


if __name__ == "__main__":
    if not "".join(sys.argv[1:] or "9000").isdigit():
        sys.exit(__doc__)
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9000
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text file here
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Hook)
    except OSError as error:
        sys.exit(f"Port {port}: {error.strerror}. Give another one: consumer.py 9001")
    with suppress(KeyboardInterrupt):
        sys.stdout.write(f"Listening on http://127.0.0.1:{port}/; Ctrl-C ends it.\n")
        server.serve_forever()
