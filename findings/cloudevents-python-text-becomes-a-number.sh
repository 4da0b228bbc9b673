#!/usr/bin/env bash
# cloudevents 2.2.0 (Python), cloudevents.v1: a text that looks like JSON is not a text any more, and is
# passed on as another one.
#
# Expected: datacontenttype says what data is. With text/plain the body 1.10 is the text "1.10", as the
# newer cloudevents.core of the same package reads it.
# Happens: from_http() tries JSON first, whatever the type. The tag 1.10 becomes the number 1.1, 007 stays
# (it is no JSON), null is nothing at all; and to_binary() writes the changed value: 1.1.
# Matters to: those who send tags, digests or versions as text: 1.10 and 1.1 are two releases.
# The guess before: the text stays a text.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages cloudevents==2.2.0
python3 -W ignore - <<'PY' | described "cloudevents.v1: b'1.10' -> 1.1 -> b'1.1'
cloudevents.v1: b'1e3' -> 1000.0 -> b'1000.0'
cloudevents.v1: b'null' -> None -> None
cloudevents.v1: b'007' -> b'007' -> b'007'
cloudevents.core: b'1.10' -> '1.10' -> b'1.10'"
from cloudevents.core.bindings.http import HTTPMessage, from_http_event, to_binary_event
from cloudevents.v1.conversion import to_binary
from cloudevents.v1.http import from_http

headers = {
    "ce-id": "1", "ce-source": "/registry", "ce-type": "tagged", "ce-specversion": "1.0",
    "content-type": "text/plain",
}
for body in (b"1.10", b"1e3", b"null", b"007"):
    event = from_http(dict(headers), body)
    print(f"cloudevents.v1: {body} -> {event.data!r} -> {to_binary(event)[1]!r}")
event = from_http_event(HTTPMessage(dict(headers), b"1.10"))
print(f"cloudevents.core: {b'1.10'} -> {event.get_data()!r} -> {to_binary_event(event).body!r}")
PY
