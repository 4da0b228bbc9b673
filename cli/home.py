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
    """The folder and what is where in it."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    @property
    def ready_file(self) -> Path:
        """What clients find a running installation by."""
        return self.path / "ready.json"

    @property
    def broker(self) -> Path:
        """The folder of the private RabbitMQ node."""
        return self.path / "rabbitmq"

    @property
    def run(self) -> Path:
        """Where the roles report their addresses."""
        return self.path / "run"

    @property
    def database_url(self) -> str:
        """The SQLite database that is used unless another is named."""
        return f"sqlite:///{self.path / 'portcall.db'}"

    @property
    def account_file(self) -> Path:
        """What az may log in with."""
        return self.path / "client.json"

    def prepare(self) -> None:
        """Make the folder, for the owner alone.

        Raises:
            UpError: It cannot be made private without taking something from others.
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
        """Hold the folder for the time of a block; the kernel lets go when the process dies.

        Raises:
            UpError: Another `portcall up` holds it.
        """
        descriptor = os.open(self.path / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UpError(
                    f"`portcall up` runs already in {self.path} (pid {file.read().strip()}):"
                    " stop it, or choose another folder with PORTCALL_HOME"
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def token(self) -> str:
        """The administrator's token that is kept here; made at first use.

        Raises:
            UpError: The file is there, and holds nothing that can be a token.
        """
        path = self.path / "token"
        try:
            token = path.read_text(errors="replace").strip()
        except FileNotFoundError:
            token = secrets.token_urlsafe(32)
            write_private(path, token + "\n")
        if len(token) < _MIN_TOKEN:
            raise UpError(
                f"{path} holds no token of at least {_MIN_TOKEN} characters: put back what was"
                " there, or remove the file; clients then need the new token"
            )
        return token

    def _make_private(self, mode: int) -> None:
        if mode & stat.S_ISVTX or self.path in {Path.home(), Path(self.path.anchor)}:
            raise UpError(
                f"PORTCALL_HOME {self.path} is used by others, too: choose a folder of its own,"
                f" for example {self.path / '.portcall'}"
            )
        self.path.chmod(0o700)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, in one step: nobody sees half of it."""
    replacement = path.with_name(f".{path.name}.new")
    replacement.unlink(missing_ok=True)
    descriptor = os.open(replacement, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    replacement.replace(path)
