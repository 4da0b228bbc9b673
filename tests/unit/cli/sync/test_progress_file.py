"""The progress of a sync outlives a kill at any place."""

import json
from pathlib import Path

import pytest

from portcall.cli.errors import UsageError
from portcall.cli.sync.comparison import Comparison, Missed
from portcall.cli.sync.progress_file import MAX_AGE_MS, ProgressFile
from tests.unit.cli.sync.fakes import A, B

SUBJECT = {"registry": "myregistry", "address": "https://registry.test"}
MISSED = Missed("push", "team/app", "v1", A, B, "then", "type", 7, "now")
COMPARISON = Comparison("team/app", 3, 1, [MISSED], {"v0": B})


def line(content: object) -> str:
    """A line of a file, as it is written."""
    return json.dumps(content, separators=(",", ":")) + "\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sync" / "progress.jsonl"


def test_a_second_run_knows_what_the_first_has_done(path: Path) -> None:
    with ProgressFile(path, SUBJECT, 1000) as file:
        assert file.earlier is None
        file.compared(COMPARISON)
        file.sending(["a", "b"])
        file.accepted(2)
        file.sending(["c"])
    with ProgressFile(path, SUBJECT, 2000) as file:
        assert file.earlier is not None
        assert file.earlier.compared == {"team/app": COMPARISON}
        assert (file.earlier.accepted, file.earlier.in_doubt) == (2, 1)
        file.finished()
    assert not path.exists()


def test_the_file_is_its_owners_alone_and_says_nothing_else(path: Path) -> None:
    with ProgressFile(path, SUBJECT, 1000) as file:
        file.sending(["id"])
    assert path.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [{"version": 1, "subject": SUBJECT, "began": 1000}, {"sending": 1}]


@pytest.mark.parametrize("length", range(1, 60, 7))
def test_a_line_that_a_kill_cut_off_is_left_out(path: Path, length: int) -> None:
    with ProgressFile(path, SUBJECT, 1000) as file:
        file.compared(COMPARISON)
    whole = path.read_text()
    path.write_text(whole + whole.splitlines()[1][:length])
    with ProgressFile(path, SUBJECT, 1000) as file:
        assert file.earlier is not None
        assert list(file.earlier.compared) == ["team/app"]
        file.accepted(1)
    assert path.read_text() == whole + '{"accepted":1}\n'


@pytest.mark.parametrize(
    ("content", "now_ms"),
    [
        ("", 1000),
        ("{", 1000),
        ('{"version":1}\n', 1000),
        ('{"version":[\n', 1000),
        (line({"version": 1, "subject": {"registry": "other"}, "began": 1000}), 1000),
        (line({"version": 2, "subject": SUBJECT, "began": 1000}), 1000),
        (line({"version": 1, "subject": SUBJECT, "began": 1}), 2 + MAX_AGE_MS),
        (line({"version": 1, "subject": SUBJECT, "began": 9}), 8),
        (line({"version": 1, "subject": SUBJECT, "began": 1}) + '{"compared":{}x}\n', 2),
    ],
)
def test_what_is_not_of_this_sync_begins_anew(path: Path, content: str, now_ms: int) -> None:
    path.parent.mkdir()
    path.write_text(content)
    with ProgressFile(path, SUBJECT, now_ms) as file:
        assert file.earlier is None
    (first,) = path.read_text().splitlines()
    assert json.loads(first)["began"] == now_ms


def test_two_syncs_of_one_file_do_not_run_at_once(path: Path) -> None:
    with ProgressFile(path, SUBJECT, 1000), pytest.raises(UsageError, match="another sync"):
        ProgressFile(path, SUBJECT, 1000)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--state"):
        ProgressFile(tmp_path / "file" / "progress.jsonl", SUBJECT, 1000)


@pytest.mark.parametrize("content", [b"[]\n", b"my notes", b"SQLite format 3\0\xff\xfe"])
def test_a_file_of_something_else_is_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(UsageError, match="is not the progress of a sync"):
        ProgressFile(path, SUBJECT, 1000)
    assert path.read_bytes() == content
