#!/usr/bin/env bash
# httpx 0.28.1: its AsyncClient loses an answer that comes before the whole request is sent; its Client reads it.
#
# Expected: a server may answer 413 while a large body is still on its way, and close (RFC 9110, 15.5.14).
# Both clients of one library tell the caller 413.
# Happens: Client, requests and aiohttp give 413 each time. AsyncClient raises ReadError without any text.
# Matters to: senders of webhooks and load testers made with httpx on asyncio. An endpoint that says "too
# large" looks like a broken network, so the same body is sent again and again.
# The guess before: all that run on asyncio lose the answer, aiohttp too, and all that block read it.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages httpx==0.28.1 httpcore==1.0.9 anyio==4.16.0 aiohttp==3.14.5 requests==2.34.2 urllib3==2.8.0
python3 - <<'PY' | described 'httpx Client       413 too large
requests           413 too large
aiohttp            413 too large
httpx AsyncClient  ReadError'
import asyncio
import socket
import threading
import time

import aiohttp
import httpx
import requests

ANSWER = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large"
BODY = b"x" * 4_000_000
TRIES = 5

listener = socket.create_server(("127.0.0.1", 0))
url = f"http://127.0.0.1:{listener.getsockname()[1]}/"


def serve():
    while True:
        connection, _ = listener.accept()
        connection.recv(2000)
        connection.sendall(ANSWER)
        time.sleep(0.1)
        connection.close()


async def by_aiohttp():
    async with aiohttp.ClientSession() as session, session.post(url, data=BODY) as answer:
        return f"{answer.status} {await answer.text()}"


async def by_httpx():
    async with httpx.AsyncClient() as client:
        answer = await client.post(url, content=BODY)
        return f"{answer.status_code} {answer.text}"


def blocking(post, **body):
    answer = post(url, **body)
    return f"{answer.status_code} {answer.text}"


def told(post):
    try:
        return post()
    except Exception as error:
        return type(error).__name__


threading.Thread(target=serve, daemon=True).start()
clients = {
    "httpx Client": lambda: blocking(httpx.post, content=BODY),
    "requests": lambda: blocking(requests.post, data=BODY),
    "aiohttp": lambda: asyncio.run(by_aiohttp()),
    "httpx AsyncClient": lambda: asyncio.run(by_httpx()),
}
for name, post in clients.items():
    print(f"{name:17}", *sorted({told(post) for _ in range(TRIES)}), sep="  ")
PY
