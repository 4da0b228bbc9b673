#!/usr/bin/env bash
# webhook 2.8.0 (Debian): a field that is null reaches the hook's command as the text <nil>.
#
# Expected: null is empty, or counts as missing, like a field that is not there at all.
# Happens: the command gets <nil>, a word of Go. A missing field is an empty argument, and the log says so.
# Matters to: hooks that use a field of a registry's event which may be null: `group` of Nexus, `repository` of
# Gitea's packages. A name made of it is then <nil>/cart, and `[ -n "$GROUP" ]` lets it pass.
# The guess before: an empty argument, as for the missing field.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
foreign_debian_package bookworm webhook 2.8.0
port=$(free_port)
cat >"$work/hooks.json" <<'JSON'
[{"id": "push", "execute-command": "/usr/bin/printf", "include-command-output-in-response": true,
  "pass-arguments-to-command": [{"source": "string", "name": "[%s]"}, {"source": "payload", "name": "group"}]}]
JSON
"$work/debian/usr/bin/webhook" -hooks "$work/hooks.json" -ip 127.0.0.1 -port "$port" -verbose >"$work/webhook.log" 2>&1 &
pids+=($!)
wait_for "$port" $! 10
ask() {
    printf '%-17s %s\n' "$1" "$(curl --silent --data "$1" --header 'Content-Type: application/json' "http://127.0.0.1:$port/hooks/push")"
}
{
    ask '{"group": "team"}'
    ask '{"group": ""}'
    ask '{"group": null}'
    ask '{}'
    echo "missing in the log: $(grep -c 'group' "$work/webhook.log" || true)"
} | described '{"group": "team"} [team]
{"group": ""}     []
{"group": null}   [<nil>]
{}                []
missing in the log: 1'
