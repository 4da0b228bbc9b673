"""What is said in advance of a URI that deliverers will refuse."""

import pytest

from portcall.deliverer.settings import DelivererSettings
from portcall.management.settings import ManagementSettings
from portcall.runtime.targets.objection import ANYWHERE, Targets

LOCAL = {"PORTCALL_ALLOW_TARGETS": "127.0.0.0/8,::1/128"}
OWN = {**LOCAL, "PORTCALL_OWN_PORTS": "8400,8401"}


def targets(environ: dict[str, str]) -> Targets:
    needed = {
        "PORTCALL_AMQP_URL": "amqp://guest:guest@127.0.0.1:5672/",
        "PORTCALL_DATABASE_URL": "sqlite:///x.db",
        "PORTCALL_TOKEN": "a" * 32,
    }
    return Targets.of(ManagementSettings.from_environment({**needed, **environ}))


@pytest.mark.parametrize(
    ("environ", "uri", "said"),
    [
        ({}, "https://ci.example.com/hook", ""),
        ({}, "https://8.8.8.8/hook", ""),
        ({}, "http://127.0.0.1:9000/", "start Portcall with PORTCALL_ALLOW_TARGETS=127.0.0.1/32"),
        ({}, "http://localhost:9000/", "localhost will be refused: it is not a public address"),
        ({}, "http://a.localhost./", "PORTCALL_ALLOW_TARGETS=127.0.0.1/32"),
        ({}, "http://[::1]:9000/", "PORTCALL_ALLOW_TARGETS=::1/128"),
        (LOCAL, "http://127.0.0.1:9000/", ""),
        (LOCAL, "http://localhost:9000/", ""),
        (LOCAL, "http://192.168.1.5/x", "=127.0.0.0/8,::1/128,192.168.1.5/32"),
        (LOCAL, "http://ci.example.com:6379/", "port 6379 will be refused: services there"),
        ({"PORTCALL_ALLOW_PORTS": "443,9000-9999"}, "https://ci.example.com/", ""),
        (
            {"PORTCALL_ALLOW_PORTS": "443,9000-9999"},
            "http://ci.example.com/",
            "PORTCALL_ALLOW_PORTS=443,9000-9999,80",
        ),
        (OWN, "http://127.0.0.1:8400/x", "that port is Portcall's own"),
        (OWN, "http://localhost:8401/x", "that port is Portcall's own"),
        (OWN, "http://127.0.0.1:9000/x", ""),
        (OWN, "http://8.8.8.8:8400/x", ""),
        (
            {"PORTCALL_ALLOW_TARGETS": "10.0.0.0/8", "PORTCALL_OWN_NETWORKS": "10.1.0.0/16"},
            "http://10.1.2.3/x",
            "it is in PORTCALL_OWN_NETWORKS",
        ),
        (
            {"PORTCALL_ALLOW_TARGETS": "10.0.0.0/8", "PORTCALL_OWN_NETWORKS": "10.1.0.0/16"},
            "http://[::ffff:10.1.2.3]/x",
            "it is in PORTCALL_OWN_NETWORKS",
        ),
    ],
)
def test_a_refused_target_is_told_with_the_setting_that_allows_it(
    environ: dict[str, str], uri: str, said: str
) -> None:
    objection = targets(environ).objection(uri)
    assert bool(objection) is bool(said)
    assert said in objection


@pytest.mark.parametrize(
    "host",
    ["192.168.1.5", "[fd00::5]", "[::ffff:192.168.1.5]", "[64:ff9b::c0a8:105]"],
    ids=["v4", "v6", "mapped", "translated"],
)
def test_what_is_advised_is_enough(host: str) -> None:
    """The advised value, taken as it is, leaves nothing to object to."""
    uri = f"http://{host}/x"
    variable, _, value = targets(LOCAL).objection(uri).rpartition(" ")[2].partition("=")
    assert targets({variable: value}).objection(uri) == ""


def test_where_nothing_is_known_nothing_is_said() -> None:
    assert ANYWHERE.objection("http://127.0.0.1:6379/") == ""


def test_deliverers_and_management_read_the_same_settings() -> None:
    for name in ("allow_targets", "allow_ports", "own_ports", "own_networks"):
        found = [each.model_fields[name].alias for each in (DelivererSettings, ManagementSettings)]
        assert found[0] == found[1]
