"""What each role may call: every route of the API, in a table that a new route must be added to."""

import pytest

from portcall.management.http.access import Principal
from portcall.management.http.errors import ArmError
from portcall.management.http.roles import action_of, authorize
from portcall.management.http.routes import Route
from portcall.store.access.principals import Role
from tests.unit.management.api import (
    GUEST_TOKEN,
    PUBLISHER_TOKEN,
    TOKEN,
    ManagementApi,
    webhook_body,
)

READER_POSTS = ("listEvents", "checkNameAvailability", "countReplay", "testScope", "testFormat")
ADMINISTRATOR_GETS = (
    "/portcall/tokens",
    "/portcall/tokens/{client}",
    "/portcall/deadLetters",
    "/portcall/deadLetters/{letter}",
)

GUEST = Principal("guest", Role.READER, "6f1f4a9c-0000-4000-8000-000000000001")


def every_route(api: ManagementApi) -> list[Route]:
    return [route for routes in api.routes._routes.values() for route in routes]


def path_of(route: Route) -> str:
    return "/" + "/".join(route.template)


def test_readers_look_and_change_nothing(api: ManagementApi) -> None:
    for route in every_route(api):
        reads = route.method == "GET" and path_of(route) not in ADMINISTRATOR_GETS
        reads = reads or (route.method == "POST" and route.template[-1] in READER_POSTS)
        assert (route.need is Role.READER) == reads, f"{route.method} {path_of(route)}"


@pytest.mark.parametrize("last", ["getCallbackConfig", "ping", "probe", "replay", "importWebhooks"])
def test_what_shows_secrets_or_does_something_is_the_administrators(
    api: ManagementApi, last: str
) -> None:
    found = [route for route in every_route(api) if route.template[-1] == last]
    assert found and all(route.need is Role.ADMINISTRATOR for route in found)


def test_publishers_may_call_nothing(api: ManagementApi) -> None:
    publisher = Principal("robot", Role.PUBLISHER)
    administrator = Principal("administrator", Role.ADMINISTRATOR)
    for route in every_route(api):
        authorize(administrator, route, "/")
        with pytest.raises(ArmError) as raised:
            authorize(publisher, route, "/")
        assert (raised.value.status, raised.value.code) == (403, "AuthorizationFailed")


@pytest.mark.parametrize(
    ("method", "last", "action"),
    [
        ("GET", "webhooks", "Microsoft.ContainerRegistry/registries/webhooks/read"),
        ("PATCH", "{webhook}", "Microsoft.ContainerRegistry/registries/webhooks/write"),
        ("DELETE", "{webhook}", "Microsoft.ContainerRegistry/registries/webhooks/delete"),
        ("POST", "ping", "Microsoft.ContainerRegistry/registries/webhooks/ping/action"),
        ("PUT", "{registry}", "Microsoft.ContainerRegistry/registries/write"),
        ("GET", "{group}", "Microsoft.Resources/subscriptions/resourceGroups/read"),
    ],
)
def test_a_refusal_names_the_action_as_arm_does(
    api: ManagementApi, method: str, last: str, action: str
) -> None:
    (route,) = [
        each for each in every_route(api) if each.method == method and each.template[-1] == last
    ]
    assert action_of(route) == action


async def test_a_reader_is_told_in_arms_words(api: ManagementApi) -> None:
    await api.put_webhook()
    path = f"{api.webhook('webhook01')}/ping"
    answer = await api.request("POST", path, token=GUEST_TOKEN)
    assert (answer.status, answer.error["code"]) == (403, "AuthorizationFailed")
    assert answer.error["message"].startswith(
        f"The client 'guest' with object id '{GUEST.client_id}' does not have authorization to"
        f" perform action 'Microsoft.ContainerRegistry/registries/webhooks/ping/action' over scope"
        f" '{path}' or the scope is invalid."
    )
    assert api.publisher.published == []
    assert (await api.request("GET", api.webhook("webhook01"), token=GUEST_TOKEN)).status == 200


@pytest.mark.parametrize(
    ("token", "get", "delete"),
    [(TOKEN, 200, 200), (GUEST_TOKEN, 200, 403), (PUBLISHER_TOKEN, 403, 403)],
)
async def test_a_role_is_what_counts(api: ManagementApi, token: str, get: int, delete: int) -> None:
    await api.put_webhook()
    path = api.webhook("webhook01")
    assert (await api.request("GET", path, token=token)).status == get
    assert (await api.request("DELETE", path, token=token)).status == delete


async def test_a_publisher_is_told_nothing_of_other_registries(api: ManagementApi) -> None:
    """Of every route: the same answer for one that is there as for one that is not."""
    there = {"location": "westus", "sku": {"name": "Premium"}}
    assert (await api.request("PUT", api.registry("Bravo"), there)).status == 200
    there = webhook_body()
    assert (await api.request("PUT", api.webhook("webhook01", "Bravo"), there)).status == 200
    for route in every_route(api):
        if "{registry}" not in route.template:
            continue
        told = []
        for name in ("Bravo", "Nobody"):
            path = path_of(route).replace("{subscription}", api.installation.subscription)
            path = path.replace("{group}", "portcall").replace("{registry}", name)
            path = path.replace("{webhook}", "webhook01").replace("{replay}", "1")
            answer = await api.request(route.method, path, token=PUBLISHER_TOKEN)
            told.append((answer.status, answer.text.replace(name, "NAME")))
            assert answer.error["code"] == "ResourceNotFound", path
        assert told[0] == told[1], path_of(route)
    assert api.store.webhooks.get("bravo", "webhook01") is not None


async def test_a_publisher_is_told_what_a_reader_is_of_no_registry(api: ManagementApi) -> None:
    path = api.registry("Nobody")
    answers = [await api.request("GET", path, token=each) for each in (PUBLISHER_TOKEN, TOKEN)]
    assert [answer.status for answer in answers] == [404, 404]
    assert answers[0].text == answers[1].text
