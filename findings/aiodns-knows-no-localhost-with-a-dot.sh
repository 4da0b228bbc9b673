#!/usr/bin/env bash
# aiodns 4.0.4 (pycares 5.2.1): "localhost" is found, "localhost." is not.
#
# Expected: a dot at the end says that a name is whole, and changes nothing else. RFC 6761 (6.3) wants resolvers to
# answer localhost, and every name below it, with the loopback; a name is the same with the dot.
# Happens: the dot makes the name unknown, for localhost and for a name below it.
# Matters to: those who send webhooks with aiohttp, whose AsyncResolver this is: a URL with a dot at the end of its
# host, as some tools write it to leave search domains out, fails as if there were no such host.
# The guess before: localhost. is found.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages aiodns==4.0.4 pycares==5.2.1
python3 - <<'PY' | described 'localhost: 127.0.0.1
localhost.: DNSError
foo.localhost: 127.0.0.1
foo.localhost.: DNSError'
import asyncio
import socket

import aiodns


async def main() -> None:
    resolver = aiodns.DNSResolver(timeout=2, tries=1)
    for name in ("localhost", "localhost.", "foo.localhost", "foo.localhost."):
        try:
            found = await resolver.getaddrinfo(name, family=socket.AF_INET)
            print(f"{name}: {found.nodes[0].addr[0].decode()}")
        except aiodns.error.DNSError as error:
            print(f"{name}: {type(error).__name__}")


asyncio.run(main())
PY
