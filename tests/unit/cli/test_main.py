import os
import subprocess
import sys
from pathlib import Path

import pytest

from portcall import __version__
from portcall.cli import main
from portcall.cli.errors import CliError, NotFoundError
from portcall.cli.lazy import LazyCommand
from portcall.runtime.errors import SettingsError
from portcall.schemas.errors import InvalidValueError, PortcallError
from tests.unit.cli.conftest import Run

HEAVY = ("aiohttp", "aio_pika", "aiormq", "sqlalchemy", "alembic", "pydantic", "uvloop")


def test_help_names_every_command_and_shows_examples(portcall: Run) -> None:
    ended = portcall("--help")
    assert ended.code == 0
    for _, name, _, summary in main.COMMANDS:
        assert f" {name} " in ended.out
        assert summary in ended.out
    assert "portcall webhook create -r myregistry" in ended.out


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from portcall.cli.main import run; run(['--help']);"
        f" sys.exit(' '.join({{name.split('.')[0] for name in sys.modules}} & set({HEAVY!r})) or 0)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)  # noqa: S603 (this very Python)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize("name", [name for _, name, _, _ in main.COMMANDS])
def test_a_command_is_there_under_its_summary(name: str, portcall: Run) -> None:
    ended = portcall(name, "--help")
    assert ended.code == 0
    assert "Examples:" in ended.out or "COMMAND" in ended.out
    assert "<bool>" not in ended.out, "an option that takes no value looks as if it took one"
    lazy = main.command().commands[name]
    assert isinstance(lazy, LazyCommand)
    if "COMMAND" not in ended.out:
        first_line, _, _ = (lazy.load().help or "").partition("\n")
        assert lazy.help == first_line


def subcommands() -> list[tuple[str, str]]:
    groups = {name: main.command().commands[name] for name in ("registry", "webhook", "topology")}
    return [
        (name, sub)
        for name, lazy in groups.items()
        if isinstance(lazy, LazyCommand)
        for sub in getattr(lazy.load(), "commands", {})
    ]


@pytest.mark.parametrize(("group", "name"), subcommands())
def test_every_subcommand_has_examples_that_fit_a_terminal(
    group: str, name: str, portcall: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ended = portcall(group, name, "--help")
    assert ended.code == 0
    assert "<bool>" not in ended.out
    _, _, shown = ended.out.partition("Examples:")
    assert f"portcall {group} {name}" in shown or f"portcall {group}" in shown


def test_the_version_is_printed(portcall: Run) -> None:
    ended = portcall("--version")
    assert (ended.code, ended.out, ended.err) == (0, f"portcall {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("webhok",), "Did you mean 'webhook'?", id="unknown command"),
        pytest.param(("registry", "create"), "Missing argument 'NAME'", id="missing argument"),
        pytest.param(("webhook", "ping", "-r", "x"), "Missing option", id="missing option"),
        pytest.param(("registry", "list", "--bogus"), "No such option", id="unknown option"),
        pytest.param(("registry", "list", "-o", "xml"), "xml", id="unknown choice"),
    ],
)
def test_wrong_usage_is_told_in_two_lines(
    arguments: tuple[str, ...], message: str, portcall: Run
) -> None:
    ended = portcall(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.startswith("error: ")
    assert message in ended.err
    assert ended.err.splitlines()[-1].startswith("See `portcall")


def test_no_command_at_all_shows_the_help(portcall: Run) -> None:
    ended = portcall()
    assert ended.code == 2
    assert "webhook" in ended.out


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        pytest.param(CliError("x: do y"), 1, "error: x: do y\n", id="ours"),
        pytest.param(NotFoundError("gone"), 3, "error: gone\n", id="not found"),
        pytest.param(SettingsError("A: bad\nB: bad"), 2, "error: A: bad\nB: bad\n", id="settings"),
        pytest.param(InvalidValueError("f", "bad"), 2, "error: f: bad\n", id="a value"),
        pytest.param(PortcallError("z"), 1, "error: z\n", id="of another package"),
        pytest.param(
            PermissionError(13, "Permission denied", "a.jsonl"),
            1,
            "error: a.jsonl: Permission denied\n",
            id="a file",
        ),
        pytest.param(OSError(28, "No space left"), 1, "error: No space left\n", id="the machine"),
        pytest.param(
            KeyError("k"),
            1,
            "error: this is a bug in portcall: KeyError: 'k'. Run it again with"
            " PORTCALL_LOG_LEVEL=debug to see where, and please report it\n",
            id="a fault of ours",
        ),
        pytest.param(KeyboardInterrupt(), 130, "", id="Ctrl-C"),
        pytest.param(EOFError(), 1, "\nAborted.\n", id="no answer to a question"),
    ],
)
def test_whatever_is_raised_is_told_without_a_traceback(
    raised: BaseException,
    code: int,
    told: str,
    portcall: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise raised

    monkeypatch.setattr("portcall.cli.client.Management.at", fail)
    ended = portcall("registry", "list")
    assert (ended.code, ended.out, ended.err) == (code, "", told)


def test_a_fault_shows_where_it_is_when_asked(
    portcall: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTCALL_LOG_LEVEL", "debug")
    monkeypatch.setattr("portcall.cli.client.Management.at", lambda _url: 1 / 0)
    assert "Traceback" in portcall("registry", "list").err


def test_secrets_in_files_are_read_once_for_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "url").write_text("amqp://broker\n")
    monkeypatch.setenv("PORTCALL_AMQP_URL", "")
    monkeypatch.setenv("PORTCALL_AMQP_URL_FILE", str(tmp_path / "url"))
    assert main.read_secret_files(["registry", "list"]) == 0
    assert os.environ["PORTCALL_AMQP_URL"] == "amqp://broker"
    assert "PORTCALL_AMQP_URL_FILE" not in os.environ


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["up"], 2, id="a command"),
        pytest.param(["up", "--help"], 0, id="its help"),
        pytest.param(["up", "-h"], 0, id="its help, in short"),
    ],
)
def test_a_secret_file_that_cannot_be_read_ends_all_but_help(
    arguments: list[str],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PORTCALL_TOKEN_FILE", "/nowhere/at-all")
    assert main.read_secret_files(arguments) == code
    told = capsys.readouterr().err
    assert bool(told) == bool(code)
    assert not code or told.startswith("error: PORTCALL_TOKEN_FILE: /nowhere/at-all: No such file")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--subscription", "x"), "Portcall has one subscription: leave --subscription out."),
        (("--query", "[]"), "Portcall has no --query: filter the output of -o json"),
        (("--only-show-errors",), "Portcall needs no --only-show-errors: leave it out."),
        (("-o", "tsv"), "tsv is a format of az: write -o json"),
    ],
)
def test_an_option_of_az_gets_what_to_write_instead(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["webhook", "list", "-r", "myregistry", *arguments]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Possible options" not in told


def test_a_mistyped_option_still_gets_the_nearest_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main.run(["webhook", "list", "--registy", "myregistry"]) == 2
    assert "--registry" in capsys.readouterr().err
