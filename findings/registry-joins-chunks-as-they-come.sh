#!/usr/bin/env bash
# docker-registry 2.8.2 (Debian 12): a chunk of an upload is put at the end, wherever its Content-Range says
# that it belongs.
#
# Expected: the OCI distribution specification, 1.0 and later: chunks come in order, and one that does not is
# answered 416, so that a client asks for the offset and goes on from there.
# Happens: Content-Range is not read. The second half, sent first as "5-9", is answered 202 with "Range: 0-4", and the
# first half is put behind it. Only the digest at the end tells, after everything was sent.
# Matters to: writers of clients that resume or send in parallel: what works against this registry does not against
# others, and a resumed upload of gigabytes fails at its last request.
# The guess before: 416.
set -euo pipefail
source "$(dirname "$0")/registry.sh"
port=$(free_port)
registry "$port"
python3 - "$port" <<'PY' | described 'Content-Range 5-9: 202, Range: 0-4
Content-Range 0-4: 202, Range: 0-9
as the digest of helloworld: 400
as the digest of worldhello: 201'
import sys

import registry

registry.listen(int(sys.argv[1]))


def upload(*, told):
    _, headers, _ = registry.ask("POST", "/v2/app/blobs/uploads/", b"")
    for content, place in ((b"world", "5-9"), (b"hello", "0-4")):
        status, headers, _ = registry.ask(
            "PATCH", headers["Location"], content,
            content_type="application/octet-stream", content_range=place,
        )
        if told:
            print(f"Content-Range {place}: {status}, Range: {headers['Range']}")
    return headers["Location"]


for number, content in enumerate((b"helloworld", b"worldhello")):
    where = f"{upload(told=not number)}&digest={registry.digest(content)}"
    print(f"as the digest of {content.decode()}: {registry.ask('PUT', where, b'')[0]}")
PY
