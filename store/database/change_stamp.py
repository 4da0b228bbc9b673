"""Whether a SQLite database may have changed, for some 10 us: `PRAGMA data_version`.

Source: https://www.sqlite.org/pragma.html#pragma_data_version. The number of one connection changes
whenever another connection, of any process, has committed.
"""

import sqlite3
from threading import Lock
from urllib.parse import quote

CACHE_KIB = 64


class ChangeStamp:
    """A connection that is used for nothing else.

    Args:
        path: The file; it is not created.
    """

    def __init__(self, path: str) -> None:
        self._uri = f"file:{quote(path)}?mode=rw"
        self._connection: sqlite3.Connection | None = None
        self._connected = 0
        self._lock = Lock()

    def read(self) -> int | None:
        """Return a number that stays equal as long as nothing is committed; None: unknown.

        It does not wait for a lock.
        """
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = _connect(self._uri)
                    self._connected += 1
                found: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
            except sqlite3.Error:
                self._close()
                return None
            # The numbers of different connections say nothing about each other.
            return self._connected << 32 | found

    def close(self) -> None:
        """Close the connection; a later read opens another one."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    except sqlite3.Error:  # it is locked, or no database
        connection.close()
        raise
    return connection
