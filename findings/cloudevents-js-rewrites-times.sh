#!/usr/bin/env bash
# cloudevents 10.0.0 (JavaScript): an event that is read and passed on has another time than the one it
# arrived with.
#
# Expected: the attribute "time" of CloudEvents is an RFC 3339 timestamp, which has any number of digits and
# an offset. A relay that changes nothing sends what it received.
# Happens: the constructor makes a Date of it. 05:06:07.123456789+02:00 goes on as 03:06:07.123Z, also
# when the event is written anew at once.
# Matters to: routers of registry events. Two events within one millisecond have no order any more
# (which of two pushes to a tag was last?), and a signature or hash over the event no longer matches.
# The guess before: the text is kept.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
node_packages cloudevents@10.0.0
cat >"$work/relay.js" <<'JS'
const { HTTP } = require("cloudevents");
for (const time of ["2024-03-04T05:06:07.123456789+02:00", "2024-03-04T05:06:07.123000001+02:00"]) {
  const headers = {
    "ce-id": "1", "ce-source": "/registry", "ce-type": "push", "ce-specversion": "1.0",
    "ce-time": time, "content-type": "application/json",
  };
  console.log(time, "->", HTTP.binary(HTTP.toEvent({ headers, body: "{}" })).headers["ce-time"]);
}
JS
node "$work/relay.js" | described '2024-03-04T05:06:07.123456789+02:00 -> 2024-03-04T03:06:07.123Z
2024-03-04T05:06:07.123000001+02:00 -> 2024-03-04T03:06:07.123Z'
