"""An option that may stand alone."""

import pytest

from portcall.cli.loadtest.optional_values import completed
from tests.unit.cli.conftest import Run


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


@pytest.mark.parametrize("before", [[], ["--rate", "5"]])
def test_an_address_in_the_place_of_a_command_is_told_where_it_belongs(
    portcall: Run, before: list[str]
) -> None:
    ended = portcall("loadtest", *before, "http://user:hush@127.0.0.1:9/hook")
    assert ended.code == 2
    assert "belongs behind --uri" in ended.err
    assert "hush" not in ended.err
