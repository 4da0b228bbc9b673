"""The folder of an installation, `$PORTCALL_HOME`: private, locked by one `portcall up`."""

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portcall.cli.errors import UpError

_MIN_TOKEN = 16  # as PORTCALL_TOKEN must have


class Home:
    """The folder and the paths of the files in it."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    @property
    def ready_file(self) -> Path:
        """Return the file by which clients find a running installation."""
        return self.path / "ready.json"

    @property
    def broker(self) -> Path:
        """The folder of the private RabbitMQ node."""
        return self.path / "rabbitmq"

    @property
    def run(self) -> Path:
        """Return the folder where the roles report their addresses."""
        return self.path / "run"

    @property
    def database_url(self) -> str:
        """Return the SQLite database that is used by default."""
        return f"sqlite:///{self.path / 'portcall.db'}"

    @property
    def account_file(self) -> Path:
        """Return the file with the principal for az."""
        return self.path / "client.json"

    def prepare(self) -> None:
        """Create the folder, for the owner only.

        Raises:
            UpError: Other users have access to it, so it cannot be made private.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            mode = stat.S_IMODE(self.path.stat().st_mode)
            if mode & 0o077:
                self._make_private(mode)
            self.run.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise UpError(f"PORTCALL_HOME {self.path} cannot be used: {error.strerror}") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder for the time of a block; the kernel releases it when the process dies.

        Raises:
            UpError: Another `portcall up` holds it.
        """
        descriptor = os.open(self.path / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UpError(
                    f"`portcall up` already runs in {self.path} (pid {file.read().strip()}):"
                    " stop it, or choose another folder with PORTCALL_HOME"
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def token(self) -> str:
        """Return the administrator's token from its file; created at first use.

        Raises:
            UpError: The file exists, but contains no usable token.
        """
        path = self.path / "token"
        try:
            token = path.read_text(errors="replace").strip()
        except FileNotFoundError:
            token = secrets.token_urlsafe(32)
            write_private(path, token + "\n")
        if len(token) < _MIN_TOKEN:
            raise UpError(
                f"{path} contains no token of at least {_MIN_TOKEN} characters: restore it, or"
                " remove the file; clients then need the new token"
            )
        return token

    def _make_private(self, mode: int) -> None:
        if mode & stat.S_ISVTX or self.path in {Path.home(), Path(self.path.anchor)}:
            raise UpError(
                f"other users have access to PORTCALL_HOME {self.path}: choose a separate"
                f" folder, for example {self.path / '.portcall'}"
            )
        self.path.chmod(0o700)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, atomically: no reader sees half of it."""
    replacement = path.with_name(f".{path.name}.new")
    replacement.unlink(missing_ok=True)
    descriptor = os.open(replacement, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    replacement.replace(path)
