"""Optional imports of libraries: left out where we do not use what they are for."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_out(*names: str) -> Iterator[None]:
    """Make modules look uninstalled while the block imports a library that uses them if it can.

    Source: the import statement's reference: ``sys.modules[name] = None`` raises
    ModuleNotFoundError. Modules that are loaded already stay as they are, for every other importer.

    Args:
        names: Top-level modules, for which the library has its own replacement.
    """
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
