"""Where the keys come from: the environment, a file that is named, or one in ``$PORTCALL_HOME``."""

from collections.abc import Mapping
from pathlib import Path

from portcall.runtime.settings import SealedSettings
from portcall.schemas.errors import InvalidValueError
from portcall.store.errors import KeyFileError
from portcall.store.secrets.key_file import FILE_NAME, Key, make_key_file, parse_keys, read_keys
from portcall.store.secrets.vault import Vault

VARIABLE = "PORTCALL_ENCRYPTION_KEY"
FILE_VARIABLE = "PORTCALL_ENCRYPTION_KEY_FILE"


class KeySource:
    """The keys of this process.

    Args:
        text: Of ``PORTCALL_ENCRYPTION_KEY``; it goes before any file.
        file: Of ``PORTCALL_ENCRYPTION_KEY_FILE``; None: the one in *home*.
        home: ``PORTCALL_HOME``.
    """

    def __init__(self, *, text: str = "", file: Path | None = None, home: Path) -> None:
        self._text = text
        self._is_named = file is not None
        self.path = None if text else (file or home / FILE_NAME)
        self._seen: tuple[int, int] | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str], home: Path) -> "KeySource":
        """The one that an environment describes."""
        file = environ.get(FILE_VARIABLE)
        return cls(
            text=environ.get(VARIABLE, ""), file=Path(file).resolve() if file else None, home=home
        )

    @property
    def name(self) -> str:
        """What to name in a message."""
        return str(self.path) if self.path else VARIABLE

    @classmethod
    def named_by(cls, settings: SealedSettings) -> "KeySource":
        """The one that a role's settings name."""
        file = settings.encryption_key_file
        return cls(text=settings.encryption_key, file=file, home=settings.home)

    def make(self) -> bool:
        """Make the key file in ``$PORTCALL_HOME`` if that is the one and it is not there.

        A file that was named is not made: it was forgotten, or is not mounted yet.

        Raises:
            KeyFileError: It cannot be written.
        """
        if self.path is None or self._is_named or self.path.exists():
            return False
        make_key_file(self.path)
        return True

    def keys(self) -> tuple[Key, ...]:
        """The keys; none, where there is no file in ``$PORTCALL_HOME``.

        Raises:
            KeyFileError: They are no keys, or a file that was named is not there.
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
        """The keys, if their file has changed; one that cannot be read has not."""
        if self._stamp() in (None, self._seen):
            return None
        try:
            return self.keys()
        except KeyFileError:
            return None

    def vault(self) -> Vault:
        """A vault with these keys, which takes new ones out of the file.

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
