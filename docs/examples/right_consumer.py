#!/usr/bin/env python3
"""A right webhook consumer of ACR's events, with nothing but the standard library.

Usage: WEBHOOK_SECRET=whsec_... right_consumer.py [PORT [FILE]]. It verifies Standard Webhooks' v1,
answers 4xx to what it cannot believe or read, processes each webhook-id once, never applies what
is older over what is newer, and answers 2xx only when that is in its database.
`GET /processed` says what it processed: `portcall loadtest --processed URL` asks it.
"""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BYTES = 2_000_000
MAX_DRAINED = 50_000_000
TOLERANCE_S = 300
TABLES = """
    CREATE TABLE IF NOT EXISTS processed (id TEXT PRIMARY KEY, stale INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS newest (key TEXT PRIMARY KEY, at TEXT NOT NULL);
"""


class RefusedError(Exception):
    """What is answered with a 4xx."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def verify(secret: str, headers: dict[str, str], body: bytes) -> None:
    """Believe a request, or refuse it."""
    if not headers.get("webhook-id"):
        raise RefusedError(400, "webhook-id is missing")
    stamp, signatures = headers.get("webhook-timestamp", ""), headers.get("webhook-signature", "")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) < 13):
        raise RefusedError(401, "webhook-timestamp is missing or no number")
    if abs(time.time() - int(stamp)) > TOLERANCE_S:
        raise RefusedError(401, "webhook-timestamp is too far away")
    # The bytes as they came: JSON that was read and written again has others.
    content = f"{headers.get('webhook-id', '')}.{stamp}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, content, hashlib.sha256)
    right = ("v1," + base64.b64encode(digest).decode()).encode()
    # Any of several: while a secret is rotated there are two.
    if not any(hmac.compare_digest(right, each.encode()) for each in signatures.split(" ")):
        raise RefusedError(401, "webhook-signature is missing or not right")


def about(body: bytes) -> tuple[list[str], str]:
    """What an event is about, and when it happened."""
    try:
        event = json.loads(body)
        at = str(event["timestamp"])
        if event["action"] == "ping":
            return [], at
        target = event["target"]
        digest = f"{target['repository']}@{target['digest']}"
        if event["action"] in ("delete", "chart_delete") or not target.get("tag"):
            return [digest], at
        return [f"{target['repository']}:{target['tag']}", digest], at
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RefusedError(400, "the body is no event of a registry") from error


class Store:
    """What was processed; one transaction for each delivery."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._base = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._base.executescript(TABLES)

    def process(self, delivery_id: str, keys: list[str], at: str) -> str:
        """Process a delivery, if nobody did before."""
        with self._lock, self._base:
            self._base.execute("BEGIN IMMEDIATE")
            held = [self._newest(key) for key in keys]
            stale = any(newest > at for newest in held)
            noted = self._base.execute(
                "INSERT OR IGNORE INTO processed VALUES (?, ?)", (delivery_id, stale)
            )
            if not noted.rowcount:
                return "duplicate"
            if stale:
                return "stale"
            # Here the work is done: in the same transaction, or so that it may be done twice.
            for key in keys:
                self._base.execute("INSERT OR REPLACE INTO newest VALUES (?, ?)", (key, at))
            return "processed"

    def all(self) -> list[dict[str, object]]:
        """Everything, in the order in which it was done."""
        with self._lock:
            rows = self._base.execute("SELECT id, stale FROM processed ORDER BY rowid").fetchall()
        return [{"id": delivery_id, "stale": bool(stale)} for delivery_id, stale in rows]

    def _newest(self, key: str) -> str:
        row = self._base.execute("SELECT at FROM newest WHERE key = ?", (key,)).fetchone()
        return row[0] if row else ""


class Server(ThreadingHTTPServer):
    """A thread for each connection."""

    request_queue_size = 128

    def __init__(self, port: int, secret: str, path: str = ":memory:") -> None:
        super().__init__(("127.0.0.1", port), Hook)
        self.secret = secret
        self.store = Store(path)


class Hook(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    server: Server

    def do_POST(self) -> None:
        """Take one delivery."""
        try:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self._read()
            verify(self.server.secret, headers, body)
            keys, at = about(body)
            self._answer(
                200, {"result": self.server.store.process(headers["webhook-id"], keys, at)}
            )
        except RefusedError as refused:
            self._answer(refused.status, {"error": str(refused)})
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def do_GET(self) -> None:
        """What was processed."""
        if self.path == "/processed":
            self._answer(200, {"processed": self.server.store.all()})
        else:
            self._answer(404, {"error": "there is /processed only"})

    def _read(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()):
            self.close_connection = True
            raise RefusedError(411, "Content-Length is missing")
        if int(length) > MAX_BYTES:
            self.close_connection = True
            left = min(int(length), MAX_DRAINED)  # else a sender that still writes sees no answer
            while left > 0 and (part := self.rfile.read(min(left, 65_536))):
                left -= len(part)
            raise RefusedError(413, "the body is too long")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            raise RefusedError(400, "the body is not complete")
        return body

    def _answer(self, status: int, document: dict[str, object]) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    if not "".join(sys.argv[1:2] or "9000").isdigit() or "WEBHOOK_SECRET" not in os.environ:
        sys.exit(__doc__)
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9000
    path = sys.argv[2] if len(sys.argv) > 2 else ":memory:"
    try:
        server = Server(port, os.environ["WEBHOOK_SECRET"], path)
    except OSError as error:
        sys.exit(f"Port {port}: {error.strerror}. Give another one: right_consumer.py 9001")
    with suppress(KeyboardInterrupt):
        sys.stdout.write(f"Listening on http://127.0.0.1:{port}/; Ctrl-C ends it.\n")
        sys.stdout.flush()
        server.serve_forever()
