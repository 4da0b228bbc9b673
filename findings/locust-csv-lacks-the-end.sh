#!/usr/bin/env bash
# locust 2.47.0: the files of --csv lack what happened in the last second before the end.
#
# Expected: the summary on the terminal and PREFIX_stats.csv are of the same run, so they count the
# same requests and failures.
# Happens: the CSV is written once a second, and not once more at the end. Answers after the last
# of these moments are on the terminal and in the exit code, but not in the files: a run of some tenths of a
# second has none of its requests, a burst of failures at the end is missing.
# Matters to: pipelines that read the CSV, e.g. to keep a webhook receiver's figures over time: the
# counts are too low by up to a second's worth, and "Failure Count" may be 0 in a run that failed.
# The guess before: the same counts.
# (The moment of the last writing is chance, so that this tries five times.)
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages locust==2.47.0
cat >"$work/locustfile.py" <<'PY'
from locust import HttpUser, constant, task


class Sender(HttpUser):
    host = "http://127.0.0.1"
    wait_time = constant(0)

    @task
    def deliver(self) -> None:
        for number in range(10):
            self.environment.events.request.fire(
                request_type="POST", name="hook", response_time=10, response_length=0,
                response=None, exception=OSError("refused") if number else None, context={},
            )
        self.environment.runner.quit()
PY
for attempt in 1 2 3 4 5; do
    code=0
    rm -f "$work"/out_*
    (cd "$work" && timeout 20 python3 -m locust --headless --only-summary -u 1 -r 1 --csv out >locust.log 2>&1) || code=$?
    python3 - "$work" "$code" <<'PY' >"$work/seen.txt"
import csv
import pathlib
import re
import sys

folder, code = pathlib.Path(sys.argv[1]), sys.argv[2]
requests, failures = re.search(
    r"POST +hook +(\d+) +(\d+)", (folder / "locust.log").read_text(encoding="utf-8")
).groups()
with (folder / "out_stats.csv").open(encoding="utf-8") as file:
    total = next(row for row in csv.DictReader(file) if row["Name"] == "Aggregated")
print(f"terminal: {requests} requests, {failures} failures; exit code {code}")
print(f"CSV: {total['Request Count']} requests, {total['Failure Count']} failures")
PY
    grep -q 'CSV: 0 requests' "$work/seen.txt" && break
    echo "attempt $attempt: the last writing came after the end"
done
described 'terminal: 10 requests, 9 failures; exit code 1
CSV: 0 requests, 0 failures' <"$work/seen.txt"
