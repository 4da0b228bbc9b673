"""Logs: structlog, JSON for machines, coloured lines for a terminal; always on standard error.

An event is a noun and a past verb (``event.published``); facts are keywords. Never a secret, a
custom header's value or a query string. A line that cannot be written is dropped: it fails no work.
"""

import io
import logging
import select
import sys
from contextlib import suppress
from typing import TextIO, cast

from portcall.runtime.optional import left_out

with left_out("rich"):
    import structlog
    from structlog.typing import EventDict, FilteringBoundLogger, Processor

_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
"""Tracebacks without the values of local variables: those may be secrets."""


class LogLines:
    """A text stream for log lines: one that cannot be written is dropped and raises nothing.

    The reader of a pipe may have died, and a disk may be full. Work must not fail because of that.

    Args:
        file: Where lines are written.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write, if that is possible."""
        with suppress(OSError, ValueError):  # ValueError: it is closed
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, if that is possible."""
        with suppress(OSError, ValueError):
            self._file.flush()


def can_write() -> bool:
    """Whether a line can be written now without a wait: no full pipe, no stopped terminal."""
    try:
        poll = select.poll()
        poll.register(sys.stderr.fileno(), select.POLLOUT)
        return any(event & select.POLLOUT for _, event in poll.poll(0))
    except io.UnsupportedOperation:  # it is in memory
        return True
    except (OSError, ValueError, AttributeError):
        return False


def configure(*, role: str, level: str, style: str) -> None:
    """Set up logging for this process.

    Args:
        role: Bound to every line.
        level: ``debug``, ``info``, ``warning`` or ``error``.
        style: ``json``, ``console``, or ``auto`` for console on a terminal.
    """
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendered: list[Processor] = (
        [
            _printable,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
        if console
        else [_TRACEBACKS, structlog.processors.JSONRenderer()]
    )
    lines = LogLines(sys.stderr)
    structlog.configure(
        processors=[*shared, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=cast("TextIO", lines)),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(role=role)
    # The AMQP client logs two DEBUG records for each frame: never below WARNING.
    foreign = logging.StreamHandler(lines)
    foreign.setFormatter(_foreign_formatter(shared, rendered))
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[foreign])


def _printable(_logger: object, _name: str, line: EventDict) -> EventDict:
    """Escape control sequences for the terminal: much of the logged text comes from clients."""
    return {
        name: repr(value)[1:-1] if isinstance(value, str) and not value.isprintable() else value
        for name, value in line.items()
    }


def _foreign_formatter(shared: list[Processor], rendered: list[Processor]) -> logging.Formatter:
    """Formats the log lines of libraries in the same way: all output stays JSON lines."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
    )


def get_logger() -> FilteringBoundLogger:
    """The logger of this process."""
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger
