# shellcheck shell=bash
# Shared by the scripts about docker-registry: the registry, a listener for its events, an image.

set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# registry LISTENER: a docker-registry of Debian 12 that tells http://127.0.0.1:LISTENER/ its events
registry() {
    debian_package docker-registry 2.8.2
    REGISTRY_PORT=$(free_port)
    export REGISTRY_PORT
    cat >"$work/registry.yml" <<YAML
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: "$work/registry"}, delete: {enabled: true}}
http: {addr: "127.0.0.1:$REGISTRY_PORT"}
notifications:
  endpoints:
    - {name: listener, url: "http://127.0.0.1:$1/", timeout: 1s, threshold: 5, backoff: 1s}
YAML
    docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
    pids+=($!)
    wait_for "$REGISTRY_PORT" $! 20
}

cat >"$work/registry.py" <<'PY'
"""What the scripts about docker-registry share: a listener for its events, and an image of two blobs."""

import hashlib
import json
import os
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BASE = f"http://127.0.0.1:{os.environ['REGISTRY_PORT']}"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
events = []


class _Listener(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        events.extend(json.loads(body)["events"])
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def listen(port):
    """Take the registry's events."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def until(count):
    """Wait for so many events, then a little for those that should not come; gives all, and forgets them."""
    deadline = time.monotonic() + 15
    while len(events) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    found = list(events)
    events.clear()
    return found


def ask(method, path, body=None, **headers):
    """Status, headers and content of an answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = path if path.startswith("http") else BASE + path
    request = urllib.request.Request(url, data=body, method=method, headers=named)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def blob(repository, content):
    """Put a blob there; gives its descriptor's size and digest."""
    _, headers, _ = ask("POST", f"/v2/{repository}/blobs/uploads/", b"")
    where = f"{headers['Location']}&digest={digest(content)}"
    status, _, _ = ask("PUT", where, content, content_type="application/octet-stream")
    assert status == 201, status
    return {"size": len(content), "digest": digest(content)}


def image(repository, *tags):
    """Put an image there under some tags; gives the digest of its layer."""
    config = blob(repository, b'{"architecture":"amd64","os":"linux"}')
    layer = blob(repository, b"a layer")
    content = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, **config},
            "layers": [{"mediaType": LAYER, **layer}],
        }
    ).encode()
    for tag in tags:
        where = f"/v2/{repository}/manifests/{tag}"
        status, _, _ = ask("PUT", where, content, content_type=MANIFEST)
        assert status == 201, status
    return layer["digest"]
PY
export PYTHONPATH="$work"
