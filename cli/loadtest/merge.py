"""`portcall loadtest merge`: combine the reports of several generators."""

from pathlib import Path
from typing import Annotated

import typer

from portcall.cli.errors import UsageError
from portcall.cli.loadtest import options
from portcall.cli.loadtest.summary import show_result
from portcall.loadtest.judge.thresholds import parse_threshold
from portcall.loadtest.outputs.files import parse_outputs
from portcall.loadtest.report.merging import merge
from portcall.loadtest.report.packed import unpack

Reports = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE", help="The files that --output json=FILE wrote, one from each generator."
    ),
]


def merge_reports(
    files: Reports,
    *,
    threshold: options.Thresholds = None,
    output: options.Outputs = None,
) -> None:
    """Combine the reports of several generators.

    Latencies are merged without loss. The runs are aligned at their beginnings, as if the
    generators had started together. Thresholds are judged again. The exit codes are those of the
    load test.

    Examples:
    portcall loadtest merge one.json two.json -o html=both.html -t 'p(99)<500'
    """
    outputs = parse_outputs(output or [])
    short = len({path.name for path in files}) == len(files)
    runs = [(path.name if short else str(path), unpack(_read(path), str(path))) for path in files]
    bounds = [parse_threshold(text) for text in threshold or []]
    words = " ".join(["portcall loadtest merge", *(str(path) for path in files)])
    result = merge(runs, bounds, command=words)
    show_result(result, aside=any(each.path == "-" for each in outputs))
    for each in outputs:
        try:
            each.write(result)
        except OSError as error:
            raise UsageError(f"--output: {each.path}: {error.strerror}") from error
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
