#!/usr/bin/env bash
# Docker Compose 2.26.1: a value that `!reset` removes comes back where the same mapping is used by a YAML alias.
#
# Expected: an alias is the anchored mapping once more, tags included; an override file that says `!reset` under an anchor
# removes the key wherever the alias stands, as it does when the lines are written out.
# Happens: only the service with the anchor loses the key. The one with the alias keeps the first file's value, and nothing
# says so.
# Matters to: override files that take a key out of many services, such as one that an engine does not know. They look
# right, and `docker compose config` has to be read to see it.
# The guess before: `!reset` works through an anchor.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
foreign_debian_package trixie docker-compose 2.26.1
cat >"$work/first.yaml" <<'YAML'
services:
  one: &service
    image: example
    healthcheck: {test: [CMD, probe], interval: 5s, start_interval: 1s}
  two: *service
YAML
cat >"$work/with-alias.yaml" <<'YAML'
services:
  one:
    healthcheck: &without
      start_interval: !reset null
  two:
    healthcheck: *without
YAML
cat >"$work/written-out.yaml" <<'YAML'
services:
  one:
    healthcheck: {start_interval: !reset null}
  two:
    healthcheck: {start_interval: !reset null}
YAML
for file in with-alias written-out; do
    echo "$file"
    "$work/debian/usr/libexec/docker/cli-plugins/docker-compose" --project-name finding \
        --file "$work/first.yaml" --file "$work/$file.yaml" config --format json |
        python3 -c '
import json, sys
for name, service in json.load(sys.stdin)["services"].items():
    print(" ", name, "start_interval" in service["healthcheck"] and "keeps it" or "lost it")'
done | described 'with-alias
  one lost it
  two keeps it
written-out
  one lost it
  two lost it'
