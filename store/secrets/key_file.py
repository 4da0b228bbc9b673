"""Keys that seal secrets: their format, and a file of them that is made, read and extended.

A key is 32 bytes in base64 or hex. If there are several, the first one seals and all of them open.
A file has one on each line; empty lines and comments with ``#`` are ignored.
"""

import base64
import binascii
import hashlib
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from portcall.schemas.errors import InvalidValueError
from portcall.store.errors import KeyFileError

KEY_BYTES = 32
FILE_NAME = "encryption.key"
"""The key file's name in ``$PORTCALL_HOME``."""

_HEX = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_HEADER = (
    "# Seals the secrets in the database. Without it they are lost: keep a copy,\n"
    "# and not with those of the database.\n"
)


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and the id that sealed values have of it.

    Attributes:
        id: Eight hex digits; they reveal nothing about the key.
        secret: Its 32 bytes.
    """

    id: str
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> "Key":
        """The key with these bytes."""
        return cls(hashlib.sha256(b"portcall key id\0" + secret).hexdigest()[:8], secret)


def parse_keys(text: str, name: str) -> tuple[Key, ...]:
    """Read keys, separated by commas or white space, each once.

    Args:
        text: The keys.
        name: Their source, for the error, which does not repeat the keys.

    Raises:
        InvalidValueError: One is not a key, or there is none.
    """
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    words = [word for line in lines for word in re.split(r"[\s,]+", line) if word]
    if not words:
        raise InvalidValueError(name, "has no key: write 32 bytes in base64 or hex")
    keys = [Key.of(_key_bytes(word, number, name)) for number, word in enumerate(words, 1)]
    return tuple({key.id: key for key in keys}.values())


def _key_bytes(word: str, number: int, name: str) -> bytes:
    if _HEX.fullmatch(word):
        return bytes.fromhex(word)
    padded = word.replace("-", "+").replace("_", "/").rstrip("=") + "="
    try:
        key = base64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise InvalidValueError(
            name,
            f"key {number} is not {KEY_BYTES} bytes in base64 or hex;"
            " `openssl rand -base64 32` makes one",
        )
    return key


def read_keys(path: Path) -> tuple[Key, ...]:
    """The keys in a file.

    Raises:
        KeyFileError: It cannot be read, or has other content.
    """
    try:
        return parse_keys(path.read_text(encoding="ascii"), str(path))
    except UnicodeDecodeError as error:
        raise KeyFileError(f"{path}: is not text") from error
    except InvalidValueError as error:
        raise KeyFileError(str(error)) from error
    except FileNotFoundError as error:
        raise KeyFileError(
            f"the key file {path} does not exist; for a new installation,"
            f" `(umask 077; openssl rand -base64 32 >{path})` makes it"
        ) from error
    except OSError as error:
        raise KeyFileError(f"the key file {path} cannot be read: {error.strerror}") from error


def make_key_file(path: Path) -> None:
    """Make a file with a new key, for its owner alone, unless there is one.

    It is on the disk when this returns, so a power cut loses no key that has sealed something. If
    several processes do so at once, one makes it.

    Raises:
        KeyFileError: It cannot be written.
    """
    if path.exists():
        return
    with _writing(path) as unfinished:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(unfinished, [_new_key()])
        try:
            os.link(unfinished, path)
        except FileExistsError:
            return  # another process was faster
        _sync(path.parent)


def add_key(path: Path) -> Key:
    """Put a new key before those in a file; it is on the disk when this returns.

    Raises:
        KeyFileError: The file cannot be read or written.
    """
    before = [base64.b64encode(key.secret).decode("ascii") for key in read_keys(path)]
    _replace(path, [_new_key(), *before])
    return read_keys(path)[0]


def keep_first_key(path: Path) -> None:
    """Drop all keys of a file except the one that seals.

    Raises:
        KeyFileError: The file cannot be read or written.
    """
    _replace(path, [base64.b64encode(read_keys(path)[0].secret).decode("ascii")])


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii")


def _replace(path: Path, keys: Sequence[str]) -> None:
    with _writing(path) as unfinished:
        _write(unfinished, keys)
        unfinished.replace(path)
        _sync(path.parent)


@contextmanager
def _writing(path: Path) -> Iterator[Path]:
    """A temporary file beside *path* to write to; it is removed afterwards."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield unfinished
    except OSError as error:
        raise KeyFileError(
            f"the key file {path} cannot be written ({error.strerror}): name another one with"
            " PORTCALL_ENCRYPTION_KEY_FILE, or set PORTCALL_ENCRYPTION_KEY"
        ) from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _write(path: Path, keys: Sequence[str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(_HEADER + "".join(f"{key}\n" for key in keys))
        file.flush()
        os.fsync(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
