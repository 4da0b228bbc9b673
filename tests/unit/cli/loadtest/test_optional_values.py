"""An option that may stand alone."""

import pytest

from portcall.cli.loadtest.optional_values import completed


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (["--dashboard"], ["--dashboard="]),
        (["--dashboard", "-q"], ["--dashboard=", "-q"]),
        (["--dashboard", ":0", "-q"], ["--dashboard", ":0", "-q"]),
        (["--dashboard=:0"], ["--dashboard=:0"]),
        (["-q"], ["-q"]),
    ],
)
def test_an_option_that_stands_alone_has_an_empty_value(typed: list[str], read: list[str]) -> None:
    assert completed(typed) == read
