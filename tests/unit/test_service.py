"""The unit of systemd: what it runs exists, and nothing that hardens it is lost."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from portcall.cli.up import node
from portcall.cli.up.stages import SPARE_S
from portcall.deliverer.settings import DelivererSettings

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "docs/examples/portcall.service"
SETTINGS = dict(
    line.split("=", 1)
    for line in UNIT.read_text().splitlines()
    if "=" in line and not line.startswith("#")
)


def test_it_leaves_the_time_that_stopping_takes() -> None:
    attempt_ms = DelivererSettings.model_fields["attempt_timeout_ms"].default
    assert attempt_ms == "15s"
    assert int(SETTINGS["TimeoutStopSec"]) > 15 + SPARE_S
    assert SETTINGS["KillMode"] == "mixed", "only `portcall up` is asked: it stops its roles"


@pytest.mark.parametrize(
    "name",
    ["NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "RestrictSUIDSGID"],
)
def test_it_is_hardened(name: str) -> None:
    assert SETTINGS[name] == "yes"
    assert (SETTINGS["ProtectSystem"], SETTINGS["UMask"]) == ("strict", "0077")


def test_the_page_names_its_folder() -> None:
    page = (ROOT / "docs/service.md").read_text()
    assert re.search(r"PORTCALL_HOME=(\S+)", UNIT.read_text()) is not None
    assert "/var/lib/portcall" in page and "/opt/portcall/bin/portcall" in SETTINGS["ExecStart"]


def test_the_node_rotates_its_log_as_the_page_says() -> None:
    page = " ".join((ROOT / "docs/service.md").read_text().split())
    assert "in files of 10 MiB. It keeps three older ones" in page
    assert f"log.file.rotation.size = {10 * 1024 * 1024}\n" in node._CONFIG
    assert "log.file.rotation.count = 3\n" in node._CONFIG


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd's tools")
def test_systemd_reads_it_without_a_complaint(tmp_path: Path) -> None:
    there = tmp_path / "portcall.service"
    # Neither the program nor the account is on this machine.
    text = UNIT.read_text().replace("/opt/portcall/bin/portcall", "/bin/true")
    there.write_text(
        text.replace("User=portcall", "User=root").replace("Group=portcall", "Group=root")
    )
    ended = subprocess.run(  # noqa: S603 (a fixed command)
        [str(shutil.which("systemd-analyze")), "verify", str(there)],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in ended.stderr.splitlines() if "portcall.service" in line]
    assert complaints == []
