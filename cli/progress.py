"""A progress bar on standard error, on a terminal and nowhere else."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(unit: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show how far something is; gives what moves it on by so many.

    Args:
        unit: What is counted.
        total: How many there are; None: nobody knows.
    """
    if not sys.stderr.isatty():
        yield lambda _count: None
        return
    from rich.console import Console  # noqa: PLC0415 (a quarter of a command's start, rarely used)
    from rich.progress import (  # noqa: PLC0415 (the same)
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(unit, total=total)
        yield lambda count: shown.advance(task, count)
