"""The reference: an open model as plain as can be, for what the right figures are.

A thread for each request, which sleeps until its time, opens a socket of its own and notes how
long after its planned time the answer was there. Standard library only, nothing of Portcall.
"""

import json
import socket
import sys
import threading
import time
from urllib.parse import urlsplit


def main(uri: str, rate: float, duration_s: float) -> None:
    """Send, and print percentiles in ms as JSON."""
    url = urlsplit(uri)
    address = (url.hostname or "", url.port or 80)
    request = (
        f"POST {url.path or '/'} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 600\r\n\r\n"
    ).encode() + b"x" * 600
    found: list[float] = []
    began_at = time.perf_counter() + 1.0

    def send(at: float) -> None:
        time.sleep(max(0.0, at - time.perf_counter()))
        with socket.create_connection(address, timeout=30) as connection:
            connection.sendall(request)
            connection.recv(4096)
        found.append((time.perf_counter() - at) * 1000)

    count = int(rate * duration_s)
    threading.stack_size(256 * 1024)
    threads = [
        threading.Thread(target=send, args=(began_at + number / rate,)) for number in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found.sort()
    marks = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
    figures = {name: found[min(count - 1, int(share * count))] for name, share in marks.items()}
    json.dump({"requests": len(found), **figures}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))
