"""Folders for clients of registries."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def short_folder() -> Iterator[Path]:
    """An empty folder with a short name, because that of a socket has a limit.

    Podman makes an image's name of the path of a layout, and refuses one in which a part ends with
    an underscore, as some names of `tempfile` do.
    """
    folder = Path(tempfile.gettempdir()) / secrets.token_hex(4)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
