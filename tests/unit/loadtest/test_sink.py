"""The sink without its sockets: how it behaves, what it remembers, how it shows requests."""

import io
import json
from pathlib import Path

import pytest

from portcall.loadtest.payloads.facts import Fact
from portcall.loadtest.payloads.formats import ACR
from portcall.loadtest.payloads.reading import ReadEvent, read
from portcall.loadtest.sink.behaviour import Behaviour, Deed
from portcall.loadtest.sink.memory import Memory, ProcessedDelivery, SinkFileError
from portcall.loadtest.sink.server import SinkRequest
from portcall.loadtest.sink.showing import Shower, json_line, line
from portcall.loadtest.sink.verifying import SinkKeys


def notice(at_us: int, action: str = "push", digest: str = "sha256:0") -> ReadEvent:
    fact = Fact(0, "id", action, 1_772_619_630_000_000 + at_us, "a/b", "v1", digest, 1, "r")
    return read(ACR.write(fact), {})


@pytest.mark.parametrize(
    ("behaviour", "chance", "deed"),
    [
        (Behaviour(), 0.0, Deed.TAKE),
        (Behaviour(status=500), 0.9, Deed.FAIL),
        (Behaviour(status=204), 0.0, Deed.TAKE),
        (Behaviour(fail_rate=0.5), 0.49, Deed.FAIL),
        (Behaviour(fail_rate=0.5), 0.5, Deed.TAKE),
        (Behaviour(fail_rate=0.2, lose_rate=0.3), 0.4, Deed.LOSE),
        (Behaviour(fail_rate=0.2, lose_rate=0.3), 0.51, Deed.TAKE),
        (Behaviour(fail_late_rate=1.0), 0.99, Deed.FAIL_LATE),
        (Behaviour(hang_rate=1.0), 0.5, Deed.HANG),
        (Behaviour(reset_rate=1.0), 0.5, Deed.RESET),
        (Behaviour(slow_body_rate=1.0), 0.5, Deed.SLOW_BODY),
    ],
)
def test_a_deed_is_chosen_by_its_rate(behaviour: Behaviour, chance: float, deed: Deed) -> None:
    assert behaviour.deed(chance) is deed


@pytest.mark.parametrize(
    ("running_s", "stalled_s"),
    [(0.0, 0.0), (7.9, 0.0), (8.0, 2.0), (9.5, 0.5), (10.0, 0.0), (18.5, 1.5)],
)
def test_a_stall_is_at_the_end_of_each_period(running_s: float, stalled_s: float) -> None:
    behaviour = Behaviour(stall_every_s=10, stall_for_s=2)
    assert behaviour.stalled_s(running_s) == pytest.approx(stalled_s)
    assert behaviour.wait_s(running_s, lambda: 0.5) == pytest.approx(stalled_s)


@pytest.mark.parametrize(("chance", "wait_s"), [(0.0, 0.03), (0.5, 0.05), (1.0, 0.07)])
def test_a_delay_varies_by_its_jitter(chance: float, wait_s: float) -> None:
    assert Behaviour(delay_s=0.05, jitter_s=0.02).wait_s(0, lambda: chance) == pytest.approx(wait_s)


def test_a_delay_is_never_negative() -> None:
    assert Behaviour(delay_s=0.01, jitter_s=0.02).wait_s(0, lambda: 0.0) == 0.0


def test_each_delivery_is_known_after_it_was_processed() -> None:
    memory = Memory()
    assert not memory.knows("a")
    assert memory.process("a", notice(0), now_s=1.0) is ProcessedDelivery.PROCESSED
    assert memory.knows("a")
    assert not memory.knows("")


def test_what_is_older_is_left_alone() -> None:
    memory = Memory()
    assert memory.process("new", notice(2), now_s=1.0) is ProcessedDelivery.PROCESSED
    assert memory.process("old", notice(1), now_s=1.0) is ProcessedDelivery.STALE
    assert (
        memory.process("other", notice(1, digest="sha256:1"), now_s=1.0) is ProcessedDelivery.STALE
    )
    assert memory.process("newest", notice(3), now_s=1.0) is ProcessedDelivery.PROCESSED
    assert [entry["stale"] for entry in memory.entries] == [False, True, True, False]


def test_a_push_after_its_delete_is_left_alone() -> None:
    memory = Memory()
    memory.process("gone", notice(2, "delete"), now_s=1.0)
    assert memory.process("push", notice(1), now_s=1.0) is ProcessedDelivery.STALE


def test_a_sink_may_do_without_both() -> None:
    memory = Memory(dedup=False, ordered=False)
    memory.process("new", notice(2), now_s=1.0)
    assert not memory.knows("new")
    assert memory.process("old", notice(1), now_s=1.0) is ProcessedDelivery.PROCESSED


def test_what_was_processed_outlives_the_sink(tmp_path: Path) -> None:
    path = tmp_path / "processed.jsonl"
    first = Memory(path)
    first.open()
    first.process("new", notice(2), now_s=1.0)
    # Not closed: a crash must not lose it.
    again = Memory(path)
    again.open()
    assert again.knows("new")
    assert again.process("old", notice(1), now_s=2.0) is ProcessedDelivery.STALE
    assert [json.loads(each)["id"] for each in path.read_text().splitlines()] == ["new", "old"]
    again.clear()
    again.process("fresh", notice(1), now_s=3.0)
    again.close()
    first.close()
    assert [json.loads(each)["id"] for each in path.read_text().splitlines()] == ["fresh"]


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_last_line_that_a_crash_cut_is_left_out(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "processed.jsonl"
    first = Memory(path)
    first.open()
    first.process("whole", notice(1), now_s=1.0)
    first.process("cut", notice(2), now_s=1.0)
    first.close()
    whole, torn = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(whole + torn[:cut])
    again = Memory(path)
    again.open()
    again.process("next", notice(3), now_s=2.0)
    again.close()
    assert [json.loads(each)["id"] for each in path.read_text().splitlines()] == ["whole", "next"]


def test_an_empty_secret_is_none() -> None:
    assert not SinkKeys.of([""])


@pytest.mark.parametrize("text", ["no json\n", "no json", '{"id": 1}\n', "[]\n"])
def test_a_file_that_is_none_of_ours_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.txt"
    path.write_text(text)
    with pytest.raises(SinkFileError, match="line 1"):
        Memory(path).open()


SEEN = SinkRequest(
    number=1, at=1_772_619_630.5, path="/hook", delivery_id="a-delivery", action="push", about="team/app:v1",
    verdict="processed", status=200, took_ms=1.25, headers={"x": "y"}, body="{}", body_bytes=2,
)  # fmt: skip


def test_a_pipe_gets_json() -> None:
    assert json.loads(json_line(SEEN))["verdict"] == "processed"
    out = io.StringIO()
    Shower(out, as_json=True, colour=False)(SEEN)
    assert out.getvalue().endswith("\n")
    assert json.loads(out.getvalue())["delivery_id"] == "a-delivery"


def test_a_person_gets_a_line_with_what_matters() -> None:
    text = line(SEEN, colour=False)
    for word in ("200", "a-delivery", "processed", "push team/app:v1", "1.2 ms"):
        assert word in text
    assert "\x1b" not in text
    assert "\x1b[32m200" in line(SEEN, colour=True)


def test_a_stranger_s_text_moves_no_cursor() -> None:
    evil = SinkRequest(2, 0.0, "/", "\x1b[2J", "", "", "refused: \x1b]0;x\x07", 0, 0.0, {}, "", 5)
    text = line(evil, colour=False)
    assert "\x1b" not in text
    assert "---" in text
    assert "5 bytes" in text
