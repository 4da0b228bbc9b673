"""The source of the keys: the environment, a named file, or the file in ``$PORTCALL_HOME``."""

from collections.abc import Mapping
from pathlib import Path

from portcall.runtime.settings import KeySettings
from portcall.schemas.errors import InvalidValueError
from portcall.store.errors import KeyFileError
from portcall.store.secrets.key_file import FILE_NAME, Key, make_key_file, parse_keys, read_keys
from portcall.store.secrets.vault import Vault

VARIABLE = "PORTCALL_ENCRYPTION_KEY"
FILE_VARIABLE = "PORTCALL_ENCRYPTION_KEY_FILE"


class KeySource:
    """The keys of this process.

    Args:
        text: The value of ``PORTCALL_ENCRYPTION_KEY``; it takes precedence over any file.
        file: The value of ``PORTCALL_ENCRYPTION_KEY_FILE``; None: the one in *home*.
        home: ``PORTCALL_HOME``.
    """

    def __init__(self, *, text: str = "", file: Path | None = None, home: Path) -> None:
        self._text = text
        self._is_named = file is not None
        self.path = None if text else (file or home / FILE_NAME)
        self._seen: tuple[int, int] | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str], home: Path) -> "KeySource":
        """The source that an environment sets."""
        file = environ.get(FILE_VARIABLE)
        return cls(
            text=environ.get(VARIABLE, ""), file=Path(file).resolve() if file else None, home=home
        )

    @property
    def name(self) -> str:
        """The name of the source for errors."""
        return str(self.path) if self.path else VARIABLE

    @classmethod
    def named_by(cls, settings: KeySettings) -> "KeySource":
        """The source that a role's settings set."""
        file = settings.encryption_key_file
        return cls(text=settings.encryption_key, file=file, home=settings.home)

    def make(self) -> bool:
        """Make the key file in ``$PORTCALL_HOME`` if it is the source and does not exist.

        A missing file that was named is not made: it may have been forgotten, or not be mounted
        yet.

        Raises:
            KeyFileError: It cannot be written.
        """
        if self.path is None or self._is_named or self.path.exists():
            return False
        make_key_file(self.path)
        return True

    def keys(self) -> tuple[Key, ...]:
        """The keys; none if there is no file in ``$PORTCALL_HOME``.

        Raises:
            KeyFileError: They are not keys, or a named file does not exist.
        """
        if self.path is None:
            try:
                return parse_keys(self._text, VARIABLE)
            except InvalidValueError as error:
                raise KeyFileError(str(error)) from error
        if not self._is_named and not self.path.exists():
            return ()
        self._seen = self._stamp()
        return read_keys(self.path)

    def newer(self) -> tuple[Key, ...] | None:
        """The keys, if their file has changed; an unreadable file counts as unchanged."""
        if self._stamp() in (None, self._seen):
            return None
        try:
            return self.keys()
        except KeyFileError:
            return None

    def vault(self) -> Vault:
        """A vault with these keys, which reads new ones from the file.

        Raises:
            KeyFileError: As for `keys`.
        """
        return Vault(self.keys(), self.newer)

    def _stamp(self) -> tuple[int, int] | None:
        if self.path is None:
            return None
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino
