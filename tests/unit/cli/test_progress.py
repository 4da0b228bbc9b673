import io

import pytest

from portcall.cli.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress("bytes", 10) as advance:
        advance(4)
        advance(6)
    assert "10/10" in terminal.getvalue()
    assert "bytes" in terminal.getvalue()


def test_a_pipe_gets_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("bytes") as advance:
        advance(4)
    assert capsys.readouterr().err == ""
