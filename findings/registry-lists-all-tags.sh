#!/usr/bin/env bash
# docker-registry 2.8.2 (Debian 12): tags/list takes no n, while _catalog does.
#
# Expected: its own API description has pages for both lists: ?n=1 gives one entry and a Link to the next.
# Happens: for tags, n and last are passed over: every tag comes, without a Link. For
# repositories both work.
# Matters to: tools that page through the tags of large repositories. One that asks for the newest page only, or
# that goes on from "last" until a page is empty, never ends or counts tags again and again.
# The guess before: one tag, and a Link.
set -euo pipefail
source "$(dirname "$0")/registry.sh"
port=$(free_port)
registry "$port"
python3 - "$port" <<'PY' | described 'tags, n=1: a b c, Link: no
tags, n=1, last=c: a b c, Link: no
repositories, n=1: app, Link: yes'
import json
import sys

import registry

registry.listen(int(sys.argv[1]))
registry.image("app", "a", "b", "c")
registry.image("base", "a")
for name, path, key in (
    ("tags, n=1", "/v2/app/tags/list?n=1", "tags"),
    ("tags, n=1, last=c", "/v2/app/tags/list?n=1&last=c", "tags"),
    ("repositories, n=1", "/v2/_catalog?n=1", "repositories"),
):
    _, headers, content = registry.ask("GET", path)
    entries = " ".join(sorted(json.loads(content)[key]))
    print(f"{name}: {entries}, Link: {'yes' if headers['Link'] else 'no'}")
PY
