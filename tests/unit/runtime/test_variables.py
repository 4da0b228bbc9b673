"""Names of variables: all that the code has are known, and a mistyped one is told."""

import re
from pathlib import Path

import pytest

from portcall.runtime.secret_files import SECRETS
from portcall.runtime.variables import CHILD_OF, KNOWN, PREFIX, complaint, unknown_variables

ROOT = Path(__file__).parents[3]
PACKAGES = (
    *("cli", "deliverer", "findings", "loadtest", "management", "portcall", "producer", "recorder"),
    *("router", "runtime", "schemas", "store"),
)
NAME = re.compile(rf"{PREFIX}[A-Z0-9_]*[A-Z0-9]")


def read(paths: list[Path]) -> set[str]:
    return {name for path in paths for name in NAME.findall(path.read_text())}


def test_the_known_names_are_those_of_the_code_and_of_compose() -> None:
    own = ROOT / "runtime" / "variables.py"
    code = read([each for name in PACKAGES for each in (ROOT / name).rglob("*.py") if each != own])
    deployed = read([ROOT / "compose.yaml", ROOT / "Dockerfile", ROOT / "scripts/compose-secrets"])
    in_files = {f"{name}_FILE" for name in SECRETS}
    assert code | deployed <= KNOWN
    assert code | deployed | in_files | {CHILD_OF} >= KNOWN


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("PORTCALL_SHARD", "PORTCALL_SHARDS"),
        ("PORTCALL_AMPQ_URL", "PORTCALL_AMQP_URL"),
        ("PORTCALL_RETRY_SHEDULE", "PORTCALL_RETRY_SCHEDULE"),
        ("PORTCALL_DATABASEURL", "PORTCALL_DATABASE_URL"),
        ("PORTCALL_token", "PORTCALL_TOKEN"),
        ("PORTCALL_BACKUP_FOLDER", ""),
    ],
)
def test_a_name_that_is_none_is_told_with_the_nearest(name: str, nearest: str) -> None:
    assert unknown_variables({name: "x", "PATH": ""}) == {name: nearest}
    assert ("did you mean" in complaint(name, nearest)) is bool(nearest)


@pytest.mark.parametrize(
    "name",
    [
        *sorted(KNOWN),
        "PORTCALL_PORT",
        "PORTCALL_PORT_8400_TCP_ADDR",
        "PORTCALL_SERVICE_HOST",
        "PORTCALL_SERVICE_PORT_HTTP",
        "PORTCALL_PRODUCER_SERVICE_HOST",
        "PORTCALL_PRODUCER_PORT_8401_TCP",
        "OTHER",
    ],
)
def test_settings_and_what_kubernetes_sets_are_not_told(name: str) -> None:
    assert not unknown_variables([name])
