"""Addresses that commands are given by ``--url``: a path before the API's own goes out as given."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.integration.deliverer.endpoints import answering, endpoint, response

PREFIXES = ["", "/a%2fb/%7E", "/a/../b", "/x;y//z"]
PAGE = response(200, "Content-Type: application/json", content=b'{"value": []}')
ACCEPTED = response(202, "Content-Type: application/json", content=b'{"accepted": 1, "ignored": 0}')


async def run(home: Path, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "portcall.cli.main", *arguments,
        env={"PORTCALL_HOME": str(home), "PORTCALL_TOKEN": "token", "PATH": "/usr/bin:/bin"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_an_address_of_the_api_or_the_producer_is_used_as_given(
    prefix: str, tmp_path: Path
) -> None:
    async with endpoint(answering(PAGE)) as api:
        await run(tmp_path, "registry", "list", "--url", f"http://LocalHost.:{api.port}{prefix}/")
    assert api.requests[0].lines[0].startswith(f"GET {prefix}/subscriptions?")
    async with endpoint(answering(ACCEPTED)) as producer:
        url = f"http://127.0.0.1:{producer.port}{prefix}"
        await run(tmp_path, "emit", "-r", "myregistry", "--count", "1", "--url", url)
    assert producer.requests[0].lines[0] == f"POST {prefix}/registries/myregistry/events HTTP/1.1"
