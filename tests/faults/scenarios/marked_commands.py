"""Commands with marked secrets: good ones that show things, and bad ones that fail."""

import asyncio
from collections.abc import Mapping, Sequence

from yarl import URL

from tests.canary import Canary
from tests.installation import Installation

AT_ONCE = 4
Line = tuple[tuple[str, ...], Mapping[str, str], int | None]
"""Arguments, what differs in the environment, the exit code; None: any."""


async def said_by_commands(
    installation: Installation, registry: str, canary: Canary, *, every: int
) -> list[bytes]:
    """What they say, on both streams; *every* so-manieth of them is run."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def run(line: Line) -> bytes:
        arguments, environ, expected = line
        async with slots:
            process = await asyncio.create_subprocess_exec(
                *installation.command(*arguments),
                env={**installation.environ, **environ},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            out, err = await process.communicate()
        assert expected in (None, process.returncode), (arguments[:2], out, err)
        return out + err

    lines = [*_good(registry), *_bad_settings(installation, canary), *_bad_lines(registry, canary)]
    return list(await asyncio.gather(*map(run, lines[::every])))


def _good(registry: str) -> Sequence[Line]:
    hook = ("-r", registry, "-n", "userfails", "-o", "json")
    return [
        (arguments, {}, code)
        for arguments, code in (
            (("doctor", "-o", "json"), None),
            (("webhook", "show", *hook), 0),
            (("webhook", "list-events", *hook), 0),
            (("webhook", "list", "-r", registry, "-o", "table"), 0),
            (("token", "list"), 0),
            (("secrets", "status"), 0),
        )
    ]


def _bad_settings(installation: Installation, canary: Canary) -> Sequence[Line]:
    """Settings with a secret in them that are wrong, or lead to somebody who does not know it."""
    mark = canary.mark
    broker = URL(installation.ready["amqp_url"])
    wrong = str(broker.with_password(mark("wrong amqp")))
    none = "127.0.0.1:1"
    amqp, store, key = "PORTCALL_AMQP_URL", "PORTCALL_DATABASE_URL", "PORTCALL_ENCRYPTION_KEY"
    away = f"postgresql://user:{mark('away db')}@{none}/x"
    alone = {amqp: str(broker), store: installation.ready["database_url"]}
    return [
        (("run", "router"), alone | {amqp: f"amqp://u:{mark('amqp port')}@h:port/"}, 2),
        (("run", "router"), alone | {amqp: f"amqps:u:{mark('amqp form')}@h"}, 2),
        (("run", "recorder"), alone | {store: f"mysql://u:{mark('db kind')}@h/x"}, 2),
        (("run", "recorder"), alone | {store: f"postgresql://u:{mark('db port')}@h:x/y"}, None),
        (("run", "management"), alone | {key: mark("no key")}, 2),
        (("run", "management"), alone | {key: f"{'00' * 32},{mark('second key')}"}, 2),
        (("topology", "apply"), {amqp: wrong}, 1),
        (("topology", "show"), {amqp: f"amqp://u:{mark('amqp away')}@{none}/"}, 1),
        (("doctor",), {amqp: wrong, store: away, "PORTCALL_HOME": "/nowhere"}, 1),
        (("secrets", "status"), {store: away}, 1),
        (("secrets", "reencrypt"), {key: mark("no key again")}, None),
    ]


def _bad_lines(registry: str, canary: Canary) -> Sequence[Line]:
    """Command lines whose secrets somebody else refuses; that they are in `ps` is their user's."""
    mark = canary.mark
    create = ("webhook", "create", "-r", registry, "-n", "another1", "--actions", "push")
    uri = ("--uri", "http://127.0.0.1:9/")
    return [
        ((*create, "--uri", f"http://u:{mark('cli uri')}@127.0.0.1:99999/"), {}, 1),
        ((*create, *uri, "--secret", mark("cli secret")), {}, 1),
        ((*create, *uri, "--headers", f"Host={mark('cli header')}"), {}, 1),
        ((*create, *uri, "--headers", f"X Y={mark('cli header2')}"), {}, 1),
        ((*create, *uri, "--headers", f"={mark('cli header3')}"), {}, 2),
        (("registry", "list", "--url", f"http://u:{mark('cli url')}@127.0.0.1:1"), {}, None),
        (("registry", "list"), {"PORTCALL_TOKEN": mark("cli token"), "PORTCALL_HOME": "/"}, None),
    ]
