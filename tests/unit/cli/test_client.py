import json
from pathlib import Path

import pytest

from portcall.cli.client import Management, check
from portcall.cli.errors import NotFoundError, NotRunningError, ServiceError, UsageError
from portcall.cli.server import Server, find_server, home_folder, read_ready
from tests.unit.cli.fakes import (
    EVERY_REGISTRY,
    REG,
    REGISTRIES,
    REGISTRY,
    SERVER,
    SUBSCRIPTION,
    URL,
    FakeApi,
    arm_error,
    reply,
)

MINE = "token-of-mine"
READY = {
    "management_url": f"{URL}/",
    "management_tls_url": "https://127.0.0.1:8443",
    "ca_file": "ca.pem",
    "producer_url": "http://127.0.0.1:8401",
    "token": "token-in-ready-json",
    "subscription": SUBSCRIPTION,
    "resource_group": "portcall",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "ready.json").write_text(json.dumps(READY))
    return folder


def test_the_server_is_found_in_the_home_folder(home: Path) -> None:
    server = find_server(environ={"PORTCALL_HOME": str(home)})
    assert server == Server(
        management_url=URL,
        producer_url="http://127.0.0.1:8401",
        token=READY["token"],
        subscription=SUBSCRIPTION,
        resource_group="portcall",
        ready=READY,
    )
    assert "token-in-ready-json" not in repr(server)


def test_a_token_in_hand_goes_before_that_of_the_home_folder(home: Path) -> None:
    assert find_server(None, MINE, environ={"PORTCALL_HOME": str(home)}).token == MINE


@pytest.mark.parametrize("url", [URL, f"{URL}/", "https://127.0.0.1:8443"])
def test_an_address_of_the_home_folder_needs_no_token(home: Path, url: str) -> None:
    server = find_server(url, environ={"PORTCALL_HOME": str(home)})
    assert (server.token, server.subscription) == ("token-in-ready-json", SUBSCRIPTION)
    assert server.management_url == url.rstrip("/")


def test_the_producers_address_means_this_installation(home: Path) -> None:
    server = find_server("http://127.0.0.1:8401", environ={"PORTCALL_HOME": str(home)})
    assert server.management_url == URL


def test_another_address_takes_the_token_of_the_environment(home: Path) -> None:
    environ = {"PORTCALL_HOME": str(home), "PORTCALL_TOKEN": "theirs"}
    server = find_server("http://other:8400/", environ=environ)
    assert server == Server("http://other:8400", "http://other:8400", "theirs")


def test_the_environment_names_a_server_in_place_of_the_option(home: Path) -> None:
    environ = {
        "PORTCALL_HOME": str(home),
        "PORTCALL_URL": "http://other:8400/",
        "PORTCALL_TOKEN": MINE,
    }
    server = find_server(environ=environ)
    assert (server.management_url, server.producer_url) == ("http://other:8400",) * 2
    environ["PORTCALL_PRODUCER_URL"] = "http://events:8401/"
    server = find_server(environ=environ)
    assert (server.management_url, server.producer_url) == (
        "http://other:8400",
        "http://events:8401",
    )
    assert find_server("http://third:8400", environ=environ).producer_url == "http://third:8400"


def test_an_address_in_the_environment_needs_a_token(home: Path) -> None:
    environ = {"PORTCALL_HOME": str(home), "PORTCALL_URL": "http://other:8400"}
    with pytest.raises(UsageError, match="PORTCALL_URL http://other:8400 needs the administrator"):
        find_server(environ=environ)


def test_the_home_folders_token_never_goes_to_another_address(home: Path) -> None:
    with pytest.raises(UsageError, match="set PORTCALL_TOKEN"):
        find_server("http://other:8400", environ={"PORTCALL_HOME": str(home)})


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(
            None, "`portcall up` is not running here: .*ready.json does not exist", id="no file"
        ),
        pytest.param("{", "is damaged", id="half a file"),
        pytest.param("[]", "not a JSON object", id="not an object"),
        pytest.param("{}", "'management_url' is missing", id="an empty object"),
    ],
)
def test_without_a_server_the_error_says_what_to_do(
    tmp_path: Path, content: str | None, problem: str
) -> None:
    if content is not None:
        (tmp_path / "ready.json").write_text(content)
    with pytest.raises(NotRunningError, match=problem) as missing:
        find_server(environ={"PORTCALL_HOME": str(tmp_path)})
    assert "start" in str(missing.value).lower()


def test_a_ready_file_of_somebody_else_says_so(tmp_path: Path) -> None:
    (tmp_path / "ready.json").mkdir()
    with pytest.raises(NotRunningError, match="cannot be read"):
        read_ready(tmp_path)


def test_the_default_home_is_in_the_current_folder() -> None:
    assert home_folder({}) == Path(".portcall")
    assert home_folder({"PORTCALL_HOME": ""}) == Path(".portcall")
    assert home_folder({"PORTCALL_HOME": "/x"}) == Path("/x")


@pytest.mark.parametrize(
    ("status", "document", "kind", "message"),
    [
        pytest.param(
            404,
            arm_error("ResourceNotFound", "No webhook x."),
            NotFoundError,
            "(ResourceNotFound) No webhook x.",
            id="not found",
        ),
        pytest.param(
            400,
            arm_error("InvalidRequestContent", "is required", target="properties.serviceUri"),
            ServiceError,
            "(InvalidRequestContent) properties.serviceUri: is required",
            id="with a target",
        ),
        pytest.param(
            400,
            arm_error("X", "name: is bad", target="name"),
            ServiceError,
            "(X) name: is bad",
            id="a target that the message names already",
        ),
        pytest.param(
            400,
            arm_error(
                "X", "two faults",
                details=[{"target": "a", "message": "bad"}, {"target": "b", "message": "worse"}],
            ),
            ServiceError,
            "(X) a: bad\nb: worse",
            id="details",
        ),
        pytest.param(
            401,
            arm_error("AuthenticationFailed", "Bad token."),
            ServiceError,
            "(AuthenticationFailed) Bad token."
            " Set PORTCALL_TOKEN to the administrator's token of this server.",
            id="not logged in",
        ),
        pytest.param(502, None, ServiceError, "the server answered 502", id="no envelope"),
        pytest.param(500, [], ServiceError, "the server answered 500", id="an array"),
        pytest.param(500, {"error": "x"}, ServiceError, "the server answered 500", id="odd"),
        pytest.param(301, None, ServiceError, "the server answered 301", id="redirect"),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_success_becomes_an_error_in_the_servers_words(
    status: int, document: object, kind: type[ServiceError], message: str
) -> None:
    with pytest.raises(ServiceError) as failed:
        check(reply(status, document))
    assert type(failed.value) is kind
    assert str(failed.value) == message
    assert failed.value.status == status


def test_a_success_is_none() -> None:
    check(reply(200, {}))
    check(reply(204))


def test_a_listing_is_followed_to_its_end_on_the_same_server() -> None:
    api = FakeApi()
    more = f"http://elsewhere:1{REG}/webhooks?api-version=2025-11-01&$skipToken=a%20b"
    api.on("GET", f"{REG}/webhooks", {"value": [{"name": "a"}, {"name": "b"}], "nextLink": more})
    api.on("GET", f"{REG}/webhooks", {"value": [{"name": "c"}]})
    found = Management(SERVER, api).pages("GET", f"{REG}/webhooks")
    assert [each["name"] for each in found] == ["a", "b", "c"]
    assert [each.query for each in api.asked] == [{}, {"$skipToken": "a b"}]


def test_the_api_is_asked_for_the_subscription_once() -> None:
    api = FakeApi()
    api.on("GET", "/subscriptions", {"value": [{"subscriptionId": SUBSCRIPTION}]})
    management = Management(Server(URL, URL, "token"), api)
    assert management.registry_path("x") == f"{REGISTRIES}/x"
    assert management.registry_path("a/b", "my group").endswith("my%20group/providers/"
        "Microsoft.ContainerRegistry/registries/a%2Fb")  # fmt: skip
    assert len(api.asked) == 1


def test_a_registry_is_found_in_its_group_by_its_login_server_too() -> None:
    api = FakeApi()
    api.on("GET", REG, REGISTRY)
    assert Management(SERVER, api).find_registry("myregistry.azurecr.io") == REGISTRY


def test_a_registry_of_another_group_is_found_by_its_name_without_case() -> None:
    api = FakeApi()
    elsewhere = {**REGISTRY, "id": REG.replace("portcall", "other")}
    api.on("GET", EVERY_REGISTRY, {"value": [{"name": "x"}, elsewhere]})
    assert Management(SERVER, api).find_registry("MyRegistry") == elsewhere


def test_a_missing_registry_is_not_found_and_the_error_says_how_to_create_it() -> None:
    api = FakeApi()
    api.on("GET", EVERY_REGISTRY, {"value": []})
    with pytest.raises(NotFoundError, match="`portcall registry create nowhere`") as missing:
        Management(SERVER, api).find_registry("nowhere")
    assert missing.value.exit_code == 3


def test_a_group_that_was_named_is_the_only_one_looked_at() -> None:
    api = FakeApi()
    with pytest.raises(NotFoundError):
        Management(SERVER, api).find_registry("myregistry", "other")
    assert len(api.asked) == 1
