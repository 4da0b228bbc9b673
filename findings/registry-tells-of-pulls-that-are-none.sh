#!/usr/bin/env bash
# docker-registry 2.8.2 (Debian 12): to ask whether an image is there is a "pull" for its notifications,
# and so is one byte of a layer.
#
# Expected: the event "pull" says that a manifest or a blob was fetched. HEAD transfers neither; clients use it to
# see whether a tag moved, or a layer need not be pushed.
# Happens: HEAD of a manifest and HEAD of a blob are "pull" events with the full size of the target; a range of one
# byte is, too. What differs is request.method; a range cannot be told at all. A GET that is answered 304 is
# none, although it asks the same thing as the HEAD.
# Matters to: those who count pulls, bill them, or keep what was pulled lately: each push of an
# image whose layers are there counts as pulls, and so does each tool that watches a tag.
# The guess before: no pull event for a HEAD.
set -euo pipefail
source "$(dirname "$0")/registry.sh"
port=$(free_port)
registry "$port"
python3 - "$port" <<'PY' | described 'HEAD manifest: 200, events: pull by HEAD
GET manifest, If-None-Match: 304, events: none
GET manifest: 200, events: pull by GET
HEAD blob: 200, events: pull by HEAD, size 7
GET blob, one byte: 206, events: pull by GET, size 7'
import sys

import registry

registry.listen(int(sys.argv[1]))
layer = registry.image("app", "one")
registry.until(3)


def show(name, status, wanted, *, sized=False):
    told = [
        f"{each['action']} by {each['request']['method']}"
        + (f", size {each['target']['size']}" if sized else "")
        for each in registry.until(wanted)
    ]
    print(f"{name}: {status}, events: {'; '.join(told) or 'none'}")


status, headers, _ = registry.ask("HEAD", "/v2/app/manifests/one", accept=registry.MANIFEST)
show("HEAD manifest", status, 1)
known = f'"{headers["Docker-Content-Digest"]}"'
status, _, _ = registry.ask(
    "GET", "/v2/app/manifests/one", accept=registry.MANIFEST, if_none_match=known
)
show("GET manifest, If-None-Match", status, 0)
status, _, _ = registry.ask("GET", "/v2/app/manifests/one", accept=registry.MANIFEST)
show("GET manifest", status, 1)
status, _, _ = registry.ask("HEAD", f"/v2/app/blobs/{layer}")
show("HEAD blob", status, 1, sized=True)
status, _, _ = registry.ask("GET", f"/v2/app/blobs/{layer}", range="bytes=0-0")
show("GET blob, one byte", status, 1, sized=True)
PY
