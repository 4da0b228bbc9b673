"""What `portcall up` decides before it starts anything."""

import socket
from pathlib import Path

import pytest

from portcall.cli.errors import UpError, UsageError
from portcall.cli.home import Home
from portcall.cli.up import plan as planning
from portcall.cli.up.pipeline import environ_of, prepare_store
from portcall.cli.up.plan import (
    ALLOW_TARGETS,
    OWN_NODE_DIRECT_WEBHOOKS,
    client_url,
    make_plan,
    roles_environment,
)
from portcall.runtime.errors import SettingsError
from portcall.runtime.settings import HostPort
from portcall.store.engine import open_store
from portcall.store.errors import WrongKeyError
from portcall.store.secrets.key_file import read_keys
from tests import keys
from tests.authorities import authority
from tests.unit.store.samples import add_registry, draft

ANY = {
    "PORTCALL_MANAGEMENT_BIND": "127.0.0.1:0",
    "PORTCALL_MANAGEMENT_TLS_BIND": "127.0.0.1:0",
    "PORTCALL_PRODUCER_BIND": "127.0.0.1:0",
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.prepare()
    return home


@pytest.fixture(autouse=True)
def ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unit tests have no sockets: 21000 is the only free port, and 1 is taken."""
    monkeypatch.setattr(planning, "free_ports", lambda count: [21_000] * count)
    monkeypatch.setattr(planning, "is_free", lambda _host, port: port != 1)


def test_what_the_environment_leaves_open_is_filled_in(home: Home) -> None:
    env = roles_environment({"PATH": "/bin"}, home)
    assert env == {
        "PATH": "/bin",
        "PORTCALL_HOME": str(home.path),
        "PORTCALL_HEALTH_BIND": "127.0.0.1:0",
        "PORTCALL_DATABASE_URL": f"sqlite:///{home.path}/portcall.db",
        "PORTCALL_ALLOW_TARGETS": ALLOW_TARGETS,
        "PORTCALL_DIRECT_WEBHOOKS": OWN_NODE_DIRECT_WEBHOOKS,
        "PORTCALL_TOKEN": home.token(),
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, OWN_NODE_DIRECT_WEBHOOKS, id="a node of its own"),
        pytest.param({"PORTCALL_AMQP_URL": "amqp://broker/"}, None, id="another broker"),
        pytest.param({"PORTCALL_DIRECT_WEBHOOKS": "0"}, "0", id="turned off"),
    ],
)
def test_single_events_skip_the_router_with_a_node_of_its_own(
    home: Home, given: dict[str, str], expected: str | None
) -> None:
    assert roles_environment(given, home).get("PORTCALL_DIRECT_WEBHOOKS") == expected


def test_what_the_environment_says_is_kept_and_an_empty_variable_says_nothing(home: Home) -> None:
    given = {
        "PORTCALL_DATABASE_URL": "postgresql://db/portcall",
        "PORTCALL_ALLOW_TARGETS": "none",
        "PORTCALL_TOKEN": "a-token-of-the-owner",
        "PORTCALL_AMQP_URL": "",
    }
    env = roles_environment(given, home)
    assert env.items() >= {name: value for name, value in given.items() if value}.items()
    assert "PORTCALL_AMQP_URL" not in env
    assert not (home.path / "token").exists()


def test_a_plan_without_a_broker_is_for_a_private_one(home: Home) -> None:
    plan = make_plan(home, ANY, routers=2, deliverers=3)
    assert plan.amqp_url == ""
    assert plan.processes == {
        "producer": 1,
        "router": 2,
        "deliverer": 3,
        "recorder": 1,
        "management": 1,
    }
    assert plan.environ_for("amqp://private/")["PORTCALL_AMQP_URL"] == "amqp://private/"


def test_port_0_is_settled_so_that_a_restart_keeps_it(home: Home) -> None:
    plan = make_plan(home, ANY, routers=1, deliverers=1)
    assert plan.producer_url == "http://127.0.0.1:21000"
    assert plan.environ["PORTCALL_PRODUCER_BIND"] == "127.0.0.1:21000"
    assert plan.environ["PORTCALL_PRODUCER_URL"] == plan.producer_url


def test_deliverers_are_told_where_portcall_itself_listens(home: Home) -> None:
    ports = {
        "PORTCALL_MANAGEMENT_BIND": "127.0.0.1:8400",
        "PORTCALL_PRODUCER_BIND": "[::1]:8401",
        "PORTCALL_MANAGEMENT_TLS_BIND": "127.0.0.1:8443",
    }
    plan = make_plan(home, {**ports, "PORTCALL_OWN_PORTS": "1"}, routers=1, deliverers=1)
    assert plan.environ["PORTCALL_OWN_PORTS"] == "8400,8401,8443"
    without = make_plan(
        home, {**ports, "PORTCALL_MANAGEMENT_TLS_BIND": "none"}, routers=1, deliverers=1
    )
    assert without.environ["PORTCALL_OWN_PORTS"] == "8400,8401"


def test_plain_http_beyond_the_loopback_is_refused_before_anything_starts(home: Home) -> None:
    wide = {**ANY, "PORTCALL_PRODUCER_BIND": "192.0.2.1:8401"}
    with pytest.raises(SettingsError, match="PORTCALL_INSECURE_BIND=producer"):
        make_plan(home, wide, routers=1, deliverers=1)
    make_plan(home, {**wide, "PORTCALL_INSECURE_BIND": "producer"}, routers=1, deliverers=1)


def test_a_taken_address_is_refused_before_anything_starts(home: Home) -> None:
    with pytest.raises(UpError, match=r"cannot listen on PORTCALL_PRODUCER_BIND=127\.0\.0\.1:1:"):
        make_plan(home, {**ANY, "PORTCALL_PRODUCER_BIND": "127.0.0.1:1"}, routers=1, deliverers=1)


def test_taken_addresses_are_named_all_at_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "is_free", lambda _host, _port: False)
    with pytest.raises(UpError) as raised:
        make_plan(home, {"PORTCALL_HOME": str(home.path)}, routers=1, deliverers=1)
    for named in (
        "PORTCALL_MANAGEMENT_BIND=127.0.0.1:8400",
        "PORTCALL_MANAGEMENT_TLS_BIND=127.0.0.1:8443",
        "PORTCALL_PRODUCER_BIND=127.0.0.1:8401",
    ):
        assert named in str(raised.value)


def test_two_variables_may_not_name_one_address(home: Home) -> None:
    same = {
        "PORTCALL_MANAGEMENT_BIND": "127.0.0.1:8400",
        "PORTCALL_PRODUCER_BIND": "127.0.0.1:8400",
    }
    with pytest.raises(UpError, match="PORTCALL_MANAGEMENT_BIND, PORTCALL_PRODUCER_BIND name the"):
        make_plan(home, {**ANY, **same}, routers=1, deliverers=1)


def test_tls_has_an_address_and_a_ca_file(home: Home) -> None:
    plan = make_plan(home, ANY, routers=1, deliverers=1)
    assert plan.management_tls_url == "https://127.0.0.1:21000"
    assert plan.environ["PORTCALL_MANAGEMENT_TLS_BIND"] == "127.0.0.1:21000"
    assert plan.ca_file == home.path / "tls" / "ca.pem"
    plan.prepare_tls()
    assert plan.ca_file.exists()


def test_without_tls_there_is_neither(home: Home) -> None:
    none = {**ANY, "PORTCALL_MANAGEMENT_TLS_BIND": "none"}
    plan = make_plan(home, none, routers=1, deliverers=1)
    assert (plan.management_tls_url, plan.ca_file) == (None, None)
    assert plan.environ["PORTCALL_MANAGEMENT_TLS_BIND"] == "none"
    plan.prepare_tls()
    assert not (home.path / "tls").exists()


def test_the_producer_has_tls_where_it_is_set(home: Home, tmp_path: Path) -> None:
    own = authority("CA").issue("producer").write(tmp_path / "own.pem")
    given = {**ANY, "PORTCALL_PRODUCER_TLS_BIND": "127.0.0.1:0"}
    plan = make_plan(
        home, {**given, "PORTCALL_PRODUCER_TLS_CERT_FILE": str(own)}, routers=1, deliverers=1
    )
    assert plan.producer_tls_url == f"https://{plan.environ['PORTCALL_PRODUCER_TLS_BIND']}"
    port = plan.environ["PORTCALL_PRODUCER_TLS_BIND"].rpartition(":")[2]
    assert port in plan.environ["PORTCALL_OWN_PORTS"].split(",")
    assert make_plan(home, ANY, routers=1, deliverers=1).producer_tls_url is None
    with pytest.raises(SettingsError, match="PORTCALL_PRODUCER_TLS_CERT_FILE: must be set"):
        make_plan(home, given, routers=1, deliverers=1)


def test_a_taken_tls_address_is_refused_too(home: Home) -> None:
    taken = {**ANY, "PORTCALL_MANAGEMENT_TLS_BIND": "127.0.0.1:1"}
    with pytest.raises(UpError, match=r"PORTCALL_MANAGEMENT_TLS_BIND=127\.0\.0\.1:1:"):
        make_plan(home, taken, routers=1, deliverers=1)


def test_a_bad_certificate_of_ones_own_is_named_before_anything_starts(home: Home) -> None:
    own = {"PORTCALL_TLS_CERT_FILE": "/missing.crt", "PORTCALL_TLS_KEY_FILE": "/missing.key"}
    plan = make_plan(home, {**ANY, **own}, routers=1, deliverers=1)
    with pytest.raises(SettingsError, match=r"PORTCALL_TLS_CERT_FILE: /missing\.crt: No such file"):
        plan.prepare_tls()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORTCALL_AMQP_URL", "http://broker/"),
        ("PORTCALL_DATABASE_URL", "mysql://db/"),
        ("PORTCALL_TOKEN", "short"),
        ("PORTCALL_RETRY_SCHEDULE", "soon"),
        ("PORTCALL_ATTEMPT_TIMEOUT", "-1s"),
        ("PORTCALL_ALLOW_TARGETS", "everything"),
        ("PORTCALL_MANAGEMENT_BIND", "8400"),
        ("PORTCALL_MANAGEMENT_TLS_BIND", "8443"),
        ("PORTCALL_IDENTITY_HEADER", "short"),
        ("PORTCALL_LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_variable_is_named_before_anything_starts(
    home: Home, variable: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=variable):
        make_plan(home, {**ANY, variable: value}, routers=1, deliverers=1)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8400"),
        ("0.0.0.0", "http://127.0.0.1:8400"),  # noqa: S104 (an address to be translated)
        ("::", "http://[::1]:8400"),
        ("::1", "http://[::1]:8400"),
        ("portcall.internal", "http://portcall.internal:8400"),
    ],
)
def test_a_client_is_told_an_address_that_it_can_connect_to(host: str, url: str) -> None:
    assert client_url(HostPort(host=host, port=8400)) == url


def test_unit_tests_have_no_network() -> None:
    with pytest.raises(Exception, match="socket"):
        socket.socket(socket.AF_INET)


def test_a_role_is_told_the_secrets_that_it_needs_and_no_others() -> None:
    keys_of_secrets = {"PORTCALL_ENCRYPTION_KEY": "x", "PORTCALL_ENCRYPTION_KEY_FILE": "x"}
    operators = {"PORTCALL_OPERATOR_WEBHOOK_URI": "x", "PORTCALL_OPERATOR_WEBHOOK_SECRET": "x"}
    others = {"PATH": "/bin"}
    environ = {**others, **keys_of_secrets, **operators}
    assert environ_of("producer", environ) == {**others, **keys_of_secrets}  # proofs of sources
    assert environ_of("deliverer", environ) == environ_of("management", environ) == environ
    for role in ("router", "recorder", ""):
        assert environ_of(role, environ) == others


def test_the_first_start_makes_a_key_and_later_ones_keep_it(home: Home) -> None:
    plan = make_plan(home, ANY, routers=1, deliverers=1)
    prepare_store(plan)
    first = read_keys(home.path / "encryption.key")
    prepare_store(plan)
    assert read_keys(home.path / "encryption.key") == first and len(first) == 1


def test_another_key_than_the_databases_is_refused_at_the_start_and_nothing_is_made(
    home: Home,
) -> None:
    plan = make_plan(
        home, {**ANY, "PORTCALL_ENCRYPTION_KEY": keys.KEY_TEXT}, routers=1, deliverers=1
    )
    prepare_store(plan)
    store = open_store(plan.database_url, keys.vault())
    add_registry(store)
    store.webhooks.put_many([draft(secret="whsec_x")])  # noqa: S106 (nobody's)
    store.close()
    for environ in (ANY, {**ANY, "PORTCALL_ENCRYPTION_KEY": "00" * 32}):
        with pytest.raises(WrongKeyError, match=f"sealed with the key {keys.KEY.id}"):
            prepare_store(make_plan(home, environ, routers=1, deliverers=1))
    assert not (home.path / "encryption.key").exists()


@pytest.mark.parametrize(
    ("variable", "content", "words"),
    [
        ("PORTCALL_CA_FILE", None, "PORTCALL_CA_FILE: .*: No such file"),
        ("PORTCALL_CA_FILE", " ", "PORTCALL_CA_FILE: .* is empty"),
        ("PORTCALL_CA_FILE", "hello", "PORTCALL_CA_FILE: cannot be used"),
        ("PORTCALL_CLIENT_CERT_FILE", "hello", "PORTCALL_CLIENT_CERT_FILE: has no certificate"),
        ("PORTCALL_CLIENT_KEY_FILE", "hello", "PORTCALL_CLIENT_KEY_FILE: a client key needs"),
    ],
)
def test_certificates_that_cannot_be_used_are_said_before_anything_starts(
    home: Home, tmp_path: Path, variable: str, content: str | None, words: str
) -> None:
    file = tmp_path / "file.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsError, match=words):
        make_plan(home, {**ANY, variable: str(file)}, routers=1, deliverers=1)


@pytest.mark.parametrize(("routers", "deliverers"), [(2, 1), (1, 2)])
def test_a_compact_process_has_one_router_and_one_deliverer(
    home: Home, routers: int, deliverers: int
) -> None:
    with pytest.raises(UsageError, match="--compact"):
        make_plan(home, ANY, routers=routers, deliverers=deliverers, compact=True)
    assert make_plan(home, ANY, routers=1, deliverers=1, compact=True).compact
