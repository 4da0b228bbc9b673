"""Stores that are there and do not answer: a locked SQLite file, a PostgreSQL that is stopped."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing

from tests.faults.harness.lab import Lab
from tests.postgres import PrivatePostgres


@asynccontextmanager
async def sqlite_locked(lab: Lab) -> AsyncIterator[None]:
    """Another process writes to the file and does not end, as a backup may."""
    path = lab.installation.ready["database_url"].removeprefix("sqlite:///")
    with (
        lab.injector.during("locked", "store"),
        closing(_connect(path)) as connection,
    ):
        await asyncio.to_thread(connection.execute, "BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def postgres_stopped(
    cluster: PrivatePostgres,
) -> Callable[[Lab], AbstractAsyncContextManager[None]]:
    """The PostgreSQL cluster is killed, and started again at the end."""

    @asynccontextmanager
    async def stopped(lab: Lab) -> AsyncIterator[None]:
        with lab.injector.during("killed", "store"):
            await cluster.kill()
            try:
                yield
            finally:
                await cluster.launch()

    return stopped


def _connect(path: str) -> sqlite3.Connection:
    # Begun in one thread, which may have to wait, and ended in another.
    return sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
