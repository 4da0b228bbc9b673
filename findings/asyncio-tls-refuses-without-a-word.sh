#!/usr/bin/env bash
# asyncio of Python 3.11, uvloop 0.23.0: a server that wants a client certificate refuses without a TLS alert.
#
# Expected: RFC 8446 (6.2) has the alert certificate_required for a client that shows none, and OpenSSL writes it: a
# client of the same context in a blocking server reads "certificate required" and can say so to people.
# Happens: a server of asyncio.start_server(ssl=...) with verify_mode=CERT_REQUIRED closes the connection before
# the alert is written. The client sees an end of file or a reset, which looks like a server that crashed.
# Matters to: those who run webhook receivers with mutual TLS on aiohttp, uvicorn or hypercorn: a sender that has no
# certificate cannot tell that from an outage, and retries.
# The guess before: the client reads the alert.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
[[ $(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])') == 3.11 ]] || cannot "this is about Python 3.11"
python_packages uvloop==0.23.0
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" -days 2 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
python3 - "$work" <<'PY' | described 'blocking, TLS 1.2: an alert
blocking, TLS 1.3: an alert
asyncio, TLS 1.2: no alert
asyncio, TLS 1.3: no alert
uvloop, TLS 1.2: no alert
uvloop, TLS 1.3: no alert'
import asyncio
import socket
import ssl
import sys
import threading

import uvloop

folder = sys.argv[1]


def context() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
    made.load_verify_locations(f"{folder}/cert.pem")
    made.verify_mode = ssl.CERT_REQUIRED
    return made


def asked(port: int, version: ssl.TLSVersion) -> str:
    """What a client without a certificate sees."""
    client = ssl.create_default_context(cafile=f"{folder}/cert.pem")
    client.minimum_version = client.maximum_version = version
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            with client.wrap_socket(plain, server_hostname="localhost") as secure:
                return "no alert" if secure.recv(1) == b"" else "data"
    except ssl.SSLEOFError:
        return "no alert"
    except ssl.SSLError as error:
        return "an alert" if "ALERT" in (error.reason or "") else str(error)
    except OSError:
        return "no alert"


def serve_blocking(listener: socket.socket) -> None:
    for _ in range(2):
        plain, _ = listener.accept()
        try:
            context().wrap_socket(plain, server_side=True)
        except OSError:
            plain.close()


async def serve_and_ask(version: ssl.TLSVersion) -> str:
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0, ssl=context())
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await asyncio.to_thread(asked, port, version)


VERSIONS = {"TLS 1.2": ssl.TLSVersion.TLSv1_2, "TLS 1.3": ssl.TLSVersion.TLSv1_3}
with socket.create_server(("127.0.0.1", 0)) as listener:
    threading.Thread(target=serve_blocking, args=[listener], daemon=True).start()
    for name, version in VERSIONS.items():
        print(f"blocking, {name}: {asked(listener.getsockname()[1], version)}")
for loop, new in (("asyncio", asyncio.new_event_loop), ("uvloop", uvloop.new_event_loop)):
    for name, version in VERSIONS.items():
        with asyncio.Runner(loop_factory=new) as runner:
            runner.get_loop().set_exception_handler(lambda *_: None)
            print(f"{loop}, {name}: {runner.run(serve_and_ask(version))}")
PY
