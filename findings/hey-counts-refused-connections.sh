#!/usr/bin/env bash
# hey 0.1.4 (Debian): a port on which nothing listens does thousands of requests a second, exit 0.
#
# Expected: "Requests/sec" is what the server did, as the word says; and a run in which each request
# failed does not end like one in which each was answered. With hey's other figures one sees NaN.
# Happens: connections that were refused are in "Requests/sec", which is much higher than that of a
# real server, and the exit code is 0.
# Matters to: people who compare two webhook receivers by that line, or let CI go by the exit code:
# the one that is down wins.
# The guess before: another exit code than 0, and 0 requests a second.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
debian_package hey 0.1.4
port=$(free_port)
code=0
hey -n 2000 -c 10 -m POST -d '{}' "http://127.0.0.1:$port/hook" >"$work/hey.txt" 2>&1 || code=$?
grep -E 'Requests/sec|Average|refused' "$work/hey.txt"
rate=$(sed -nE 's|.*Requests/sec:[[:space:]]*([0-9]+).*|\1|p' "$work/hey.txt")
{
    echo "exit code $code"
    echo "refused: $(sed -nE 's/.*\[([0-9]+)\].*connection refused.*/\1/p' "$work/hey.txt")"
    ((rate > 100)) && echo "more than 100 requests a second"
} | described 'exit code 0
refused: 2000
more than 100 requests a second'
