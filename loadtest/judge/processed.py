"""Ask the consumer what it processed: a URL, a file, or a command that prints it.

The answer is JSON (an array of ids or objects, or an object with ``processed`` or ``ids``), or
lines, each with an id or a JSON object. An object has ``id`` (or ``delivery_id``, ``webhook_id``)
and may have ``stale: true``; a line may be ``<id> stale``.
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from portcall.loadtest.judge.oracle import Processed
from portcall.schemas.errors import PortcallError
from portcall.schemas.uris import Uri, parse_uri
from portcall.schemas.webhooks import parse_service_uri

FIELD = "--processed"
TIMEOUT_S = 30.0
_NAMES = ("id", "delivery_id", "webhook_id", "webhook-id")
_LISTS = ("processed", "ids", "value")
STALE = "stale"


class ProcessedError(PortcallError):
    """The consumer could not be asked; the message says how to fix it."""


async def ask(where: str) -> list[Processed]:
    """Return what the consumer processed, in its order.

    Args:
        where: ``http://...``, ``https://...``, the path of a file, or a command for the shell.

    Raises:
        ProcessedError: It could not be asked, or its answer could not be read.
    """
    if where.lower().startswith(("http://", "https://")):
        text = await _from_url(where)
    elif (path := Path(where)).is_file():
        text = await asyncio.to_thread(path.read_text, "utf-8", "replace")
    else:
        text = await _from_command(where)
    return list(read(text))


def read(text: str) -> Iterator[Processed]:
    """Parse an answer.

    Raises:
        ProcessedError: It has none of the formats.
    """
    if not text.strip():
        return
    try:
        document = json.loads(text)
    except ValueError:
        yield from (_line(line) for line in text.splitlines() if line.strip())
        return
    yield from (_one(each) for each in _listed(document))


def _listed(document: object) -> list[Any]:
    if isinstance(document, list):
        return document
    if isinstance(document, dict):
        for name in _LISTS:
            if isinstance(found := document.get(name), list):
                return found
        if any(name in document for name in _NAMES):
            return [document]  # one line of JSON lines
    if isinstance(document, str | int):
        return [str(document)]
    raise ProcessedError(f"{FIELD}: the answer is JSON, but has no list named processed or ids")


def _one(each: object) -> Processed:
    if isinstance(each, dict):
        for name in _NAMES:
            if isinstance(found := each.get(name), str | int):
                return Processed(str(found), each.get(STALE) is True)
        raise ProcessedError(f"{FIELD}: an entry has no id: {json.dumps(each)[:120]}")
    return Processed(str(each))


def _line(line: str) -> Processed:
    text = line.strip()
    if text.startswith("{"):
        try:
            return _one(json.loads(text))
        except ValueError as error:
            raise ProcessedError(f"{FIELD}: a line is not JSON: {text[:120]}") from error
    words = text.split()
    return Processed(words[0].strip('",'), STALE in words[1:])


async def _from_url(url: str) -> str:
    service = parse_service_uri(url, FIELD)
    headers = {"Authorization": service.authorization} if service.authorization else {}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as http,
            http.get(exactly(parse_uri(service.uri, FIELD))) as answer,
        ):
            if answer.status != 200:
                raise ProcessedError(f"{FIELD}: {url} answered {answer.status}")
            return await answer.text()
    except (aiohttp.ClientError, TimeoutError, UnicodeDecodeError) as error:
        reason = str(error) or type(error).__name__
        raise ProcessedError(f"{FIELD}: {url} could not be read: {reason}") from error


def exactly(uri: Uri) -> URL:
    """Return *uri* for aiohttp, which otherwise re-encodes the path and the query."""
    return URL.build(
        scheme=uri.scheme.lower(), authority=uri.authority, path=uri.target, encoded=True
    )


async def _from_command(command: str) -> str:
    """Run the user's command as typed."""
    process = await asyncio.create_subprocess_shell(
        command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            out, err = await process.communicate()
    except TimeoutError as error:
        raise ProcessedError(f"{FIELD}: `{command}` took more than {TIMEOUT_S:.0f} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        told = err.decode(errors="replace").strip()[-200:] or "it printed nothing"
        raise ProcessedError(
            f"{FIELD}: there is no such file, and as a command `{command}` ended with exit"
            f" code {process.returncode}: {told}"
        )
    return out.decode(errors="replace")
