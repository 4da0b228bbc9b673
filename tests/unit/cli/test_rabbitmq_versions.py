"""What a version of RabbitMQ means, and which one starts on whose data."""

import json
from pathlib import Path

import pytest

from portcall.cli.doctor.broker_version import broker
from portcall.cli.doctor.findings import Verdict
from portcall.cli.errors import NodeError
from portcall.cli.rabbitmq_versions import Version, meaning, parsed, refusal
from portcall.cli.up.node_version import NodeVersion, installed_version

V310, V313, V40, V43 = Version(3, 10, 8), Version(3, 13, 7), Version(4, 0, 5), Version(4, 3, 6)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("3.10.8", V310),
        ("4.3", Version(4, 3)),
        ("4.3.6-1+deb14u1", V43),
        ("4.3.6.ez", V43),
        ("4", None),
        ("", None),
        ("unknown", None),
        ("99999.1.1", None),
    ],
)
def test_a_version_is_read(text: str, version: Version | None) -> None:
    assert parsed(text) == version


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (Version(3, 9, 29), "older than 3.10"),
        (V310, "4.x does not read its data"),
        (Version(3, 13, 7), "4.x takes over its data if all feature flags"),
        (V40, "4.3 takes over its data"),
        (V43, "the newest that is tested"),
        (Version(4, 4, 0), "newer than 4.3"),
        (Version(5, 0, 0), "newer than 4.3"),
    ],
)
def test_a_version_has_a_meaning(version: Version, words: str) -> None:
    assert words in meaning(version)


@pytest.mark.parametrize(
    ("installed", "data", "words"),
    [
        pytest.param(V43, V43, None, id="same"),
        pytest.param(V43, V40, None, id="newer"),
        pytest.param(V40, V313, None, id="3.13 to 4.0"),
        pytest.param(Version(4, 0, 1), V40, None, id="a patch back"),
        pytest.param(Version(3, 12, 1), V310, None, id="within 3"),
        pytest.param(V40, V43, "Install RabbitMQ 4.3 or newer", id="4.3 to 4.0"),
        pytest.param(V310, V43, "damages them", id="4.3 to 3.10"),
        pytest.param(V313, V40, "damages them", id="4.0 to 3.13"),
        pytest.param(V40, V310, "`portcall drain`", id="3.10 to 4.0"),
        pytest.param(V43, V310, "nothing was changed", id="3.10 to 4.3"),
    ],
)
def test_a_version_starts_on_data_that_it_can_read(
    installed: Version, data: Version, words: str | None
) -> None:
    why = refusal(installed, data, "/home/rabbitmq")
    if words is None:
        assert why is None
        return
    assert why is not None
    assert words in why
    assert "docs/upgrades.md" in why
    assert "/home/rabbitmq" in why
    assert str(installed) in why
    assert str(data) in why


@pytest.mark.parametrize("name", ["rabbit-4.3.6", "rabbit-4.3.6.ez"])
def test_the_installed_version_is_that_of_the_plugins_beside_the_script(
    tmp_path: Path, name: str
) -> None:
    script = tmp_path / "lib" / "sbin" / "rabbitmq-server"
    for folder in (script, tmp_path / "lib" / "plugins" / name, tmp_path / "bin"):
        folder.mkdir(parents=True)
    (tmp_path / "lib" / "plugins" / "rabbit_common-9.9.9").mkdir()
    link = tmp_path / "bin" / "rabbitmq-server"
    link.symlink_to(script)
    assert installed_version(link) == V43
    assert installed_version(tmp_path / "elsewhere" / "rabbitmq-server") is None


def _node(folder: Path, *, flags: str = "", log: str = "") -> NodeVersion:
    (folder / "data").mkdir()
    (folder / "log").mkdir()
    if flags:
        (folder / "data" / "portcall@localhost-feature_flags").write_text(flags)
    (folder / "log" / "rabbitmq.log").write_text(log)
    return NodeVersion(folder)


def test_a_new_node_notes_its_version(tmp_path: Path) -> None:
    noted = NodeVersion(tmp_path)
    noted.begin(V40)
    assert json.loads((tmp_path / "version.json").read_text()) == {"version": "4.0.5"}
    assert (tmp_path / "version.json").stat().st_mode & 0o777 == 0o600


def test_an_older_broker_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    noted = _node(tmp_path)
    noted.write(V43)
    with pytest.raises(NodeError, match="damages"):
        noted.begin(V40)
    assert noted.read() == V43


@pytest.mark.parametrize(
    ("flags", "log", "version"),
    [
        pytest.param(
            "[quorum_queue,\n 'rabbitmq_4.0.0',\n 'rabbitmq_4.3.0'].", "", (4, 3), id="flags"
        ),
        pytest.param("[quorum_queue].", "Starting RabbitMQ 3.10.8 on Erlang 25", (3, 10), id="log"),
        pytest.param(
            "['rabbitmq_4.0.0'].",
            "Starting RabbitMQ 4.0.5 on Erlang 27\nStarting RabbitMQ 4.3.6 on Erlang 29",
            (4, 3),
            id="the newer of both",
        ),
    ],
)
def test_data_of_an_older_portcall_tell_their_version(
    tmp_path: Path, flags: str, log: str, version: tuple[int, int]
) -> None:
    found = _node(tmp_path, flags=flags, log=log).read()
    assert found is not None
    assert found.series == version


def test_data_that_tell_nothing_are_not_refused(tmp_path: Path) -> None:
    noted = _node(tmp_path)
    assert noted.read() is None
    noted.begin(V310)
    assert noted.read() == V310


def test_an_unreadable_note_names_its_file(tmp_path: Path) -> None:
    noted = _node(tmp_path)
    (tmp_path / "version.json").write_text("{")
    with pytest.raises(NodeError, match=r"version\.json cannot be used .*4\.3\.6"):
        noted.begin(V43)


def test_a_failed_start_that_changed_nothing_leaves_the_old_version(tmp_path: Path) -> None:
    noted = _node(tmp_path, flags="[quorum_queue].")
    noted.write(V313)
    begun = noted.begin(V40)
    assert begun.failed() == " (RabbitMQ 4.0.5 on data of 3.13.7)"
    assert noted.read() == V313


def test_a_failed_start_that_changed_the_data_keeps_the_new_version(tmp_path: Path) -> None:
    noted = _node(tmp_path, flags="['rabbitmq_4.0.0'].")
    noted.write(V40)
    begun = noted.begin(V43)
    (tmp_path / "data" / "portcall@localhost-feature_flags").write_text("['rabbitmq_4.3.0'].")
    assert "4.3.6 on data of 4.0.5" in begun.failed()
    assert noted.read() == V43


def test_the_doctor_names_the_version() -> None:
    assert "RabbitMQ 4.3.6 (the newest that is tested)" in broker("4.3.6").found
    assert broker("4.3.6").facts["version"] == "4.3.6"
    assert broker("").verdict is Verdict.OK
    old = broker("3.8.2")
    assert old.verdict is Verdict.WRONG
    assert "3.10 or newer" in old.advice
