#!/usr/bin/env bash
# webhook 2.8.0 (Debian): a field that is null reaches the hook's command as the text <nil>.
#
# Expected: null is empty, or counts as missing, like a field that is not there at all.
# Happens: the command gets <nil>, a word of Go. A missing field is an empty argument, and the log says so.
# Matters to: hooks that deploy what a registry's event names. Some registries write null where a push has no
# tag: `docker pull app:$TAG` then asks for app:<nil>, and `[ -n "$TAG" ]` lets it pass.
# The guess before: an empty argument, as for the missing field.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
foreign_debian_package bookworm webhook 2.8.0
port=$(free_port)
cat >"$work/hooks.json" <<'JSON'
[{"id": "push", "execute-command": "/usr/bin/printf", "include-command-output-in-response": true,
  "pass-arguments-to-command": [{"source": "string", "name": "[%s]"}, {"source": "payload", "name": "tag"}]}]
JSON
"$work/debian/usr/bin/webhook" -hooks "$work/hooks.json" -ip 127.0.0.1 -port "$port" -verbose >"$work/webhook.log" 2>&1 &
pids+=($!)
wait_for "$port" $! 10
ask() {
    printf '%-14s %s\n' "$1" "$(curl --silent --data "$1" --header 'Content-Type: application/json' "http://127.0.0.1:$port/hooks/push")"
}
{
    ask '{"tag": "v1"}'
    ask '{"tag": ""}'
    ask '{"tag": null}'
    ask '{}'
    echo "missing in the log: $(grep -c 'tag' "$work/webhook.log" || true)"
} | described '{"tag": "v1"}  [v1]
{"tag": ""}    []
{"tag": null}  [<nil>]
{}             []
missing in the log: 1'
