"""What `/proc` shows of a forked process: the command line and the environment of its own role.

A fork keeps both from its parent. Tools, and our own commands, read the role and its settings
there, so the process writes its own into that memory.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_ARG_START = 48 - 3
"""Field 48 of ``/proc/PID/stat``, counted behind the name; then arg_end, env_start and env_end."""


def block_of(environ: Mapping[str, str]) -> bytes:
    """Return an environment in the kernel's form."""
    return b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in environ.items())


def replace_environment(environ: Mapping[str, str]) -> None:
    """Make *environ* the whole environment of this process, for Python and for C libraries.

    The C library copies what is set, so that nothing points to the original memory afterwards.
    """
    os.environ.clear()
    os.environ.update(environ)


def show(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    """Show a command line and an environment in ``/proc``; keep what does not fit.

    Call it after `replace_environment`.

    Source: proc(5), fields 48 to 51 of ``/proc/PID/stat``.
    """
    with suppress(OSError, ValueError, IndexError):  # a kernel without these fields
        told = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        arg_start, arg_end, env_start, env_end = map(int, told[_ARG_START : _ARG_START + 4])
        command = b"".join(os.fsencode(each) + b"\0" for each in argv)
        with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
            _write(memory.fileno(), command, arg_start, arg_end)
            _write(memory.fileno(), block_of(environ), env_start, env_end)


def _write(descriptor: int, content: bytes, start: int, end: int) -> None:
    if start and len(content) <= end - start:
        os.pwrite(descriptor, content.ljust(end - start, b"\0"), start)
