import io
import json

import pytest

from portcall.cli import output
from portcall.cli.output import Output
from portcall.cli.tables import ping_row


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("asked", "stream", "form"),
    [
        pytest.param(None, Terminal(), Output.TABLE, id="a table on a terminal"),
        pytest.param(None, io.StringIO(), Output.JSON, id="JSON for machines"),
        pytest.param(Output.JSON, Terminal(), Output.JSON, id="JSON when asked for"),
        pytest.param(Output.TABLE, io.StringIO(), Output.TABLE, id="a table when asked for"),
    ],
)
def test_the_form_follows_the_option_then_the_stream(
    asked: Output | None, stream: io.StringIO, form: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", stream)
    assert output.chosen(asked) is form


def test_many_documents_are_one_array(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_all(iter([{"id": "a"}, {"id": "b"}]), ping_row, None)
    assert json.loads(capsys.readouterr().out) == [{"id": "a"}, {"id": "b"}]


def test_no_documents_are_an_empty_array_and_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_all(iter(()), ping_row, Output.JSON)
    output.show_all(iter(()), ping_row, Output.TABLE)
    assert capsys.readouterr().out == "[]\n"


def test_json_is_readable_and_harmless() -> None:
    document = {"name": "Zoë", "reason": "\x1b[2J\x9b31m\u2028"}
    for text in (output.pretty(document), output.compact(document)):
        assert "Zoë" in text
        assert not {"\x1b", "\x9b", "\u2028"} & set(text)
        assert json.loads(text) == document


def test_complaints_are_one_line_each_without_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.complain("first \x1b[31m\nsecond")
    assert capsys.readouterr().err == "error: first \ufffd[31m\nsecond\n"


@pytest.mark.parametrize(
    ("stream", "no_colour", "painted"),
    [
        pytest.param(Terminal(), "", "\x1b[31mx\x1b[0m", id="terminal"),
        pytest.param(Terminal(), "1", "x", id="terminal, NO_COLOR"),
        pytest.param(io.StringIO(), "", "x", id="pipe"),
    ],
)
def test_colours_are_for_terminals(
    stream: io.StringIO, no_colour: str, painted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", no_colour)
    assert output.paint("x", "red", stream) == painted
