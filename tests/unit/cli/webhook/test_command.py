import json
from typing import Any

import pytest

from portcall.cli.tables import table, webhook_row
from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import HOOK, REG, WEBHOOK, FakeApi, arm_error

THIS = ("-r", "myregistry", "-n", "ci01hook")
URI = "https://ci.example.com/hook"


@pytest.mark.parametrize(
    ("options", "body"),
    [
        pytest.param(
            ("--uri", URI, "--actions", "push"),
            {
                "location": "westus",
                "properties": {"serviceUri": URI, "actions": ["push"], "status": "enabled"},
            },
            id="what is required",
        ),
        pytest.param(
            ("--uri", URI, "--actions", "push", "delete", "--headers", "a=b", "c=d=e",
             "--scope", "team/app:*", "--status", "disabled", "--tags", "k=v", "w",
             "--location", "eastus", "--secret", "generate", "--retry-schedule", "1s,2s",
             "--rate-limit", "2.5", "--final-answers", "400,404"),
            {
                "location": "eastus",
                "tags": {"k": "v", "w": ""},
                "properties": {
                    "serviceUri": URI,
                    "actions": ["push", "delete"],
                    "customHeaders": {"a": "b", "c": "d=e"},
                    "scope": "team/app:*",
                    "status": "disabled",
                    "portcall": {
                        "secret": "generate", "retrySchedule": "1s,2s", "rateLimit": 2.5,
                        "finalAnswers": "400,404",
                    },
                },
            },
            id="everything",
        ),
        pytest.param(
            ("--uri", URI, "--actions", "push,delete", "--headers", "", "--scope", "", "--tags", ""),
            {
                "location": "westus",
                "tags": {},
                "properties": {
                    "serviceUri": URI,
                    "actions": ["push", "delete"],
                    "customHeaders": {},
                    "scope": "",
                    "status": "enabled",
                },
            },
            id="empty words clear",
        ),
    ],
)  # fmt: skip
def test_create_sends_what_was_given(
    options: tuple[str, ...], body: dict[str, Any], api: FakeApi, portcall: Run
) -> None:
    api.on("PUT", HOOK, WEBHOOK)
    ended = portcall("webhook", "create", *THIS, *options)
    assert (ended.code, ended.err, json.loads(ended.out)) == (0, "", WEBHOOK)
    assert api.changes[0].body == body


def test_create_in_a_registry_that_does_not_exist_says_how_to_create_it(
    api: FakeApi, portcall: Run
) -> None:
    ended = portcall(
        "webhook", "create", "-r", "nowhere", "-n", "x", "--uri", URI, "--actions", "push"
    )
    assert ended.code == 3
    assert "the registry 'nowhere' does not exist" in ended.err
    assert "`portcall registry create nowhere`" in ended.err


def test_an_unknown_action_is_wrong_usage_and_nothing_is_asked(api: FakeApi, portcall: Run) -> None:
    ended = portcall("webhook", "create", *THIS, "--uri", URI, "--actions", "push", "bogus")
    assert ended.code == 2
    assert "'bogus' is not a valid value for '--actions'" in ended.err
    assert api.asked == []


def test_a_generated_secret_is_shown_once_beside_the_table(api: FakeApi, portcall: Run) -> None:
    secretive = json.loads(json.dumps(WEBHOOK))
    secretive["properties"]["portcall"] |= {"secret": "whsec_abc"}
    api.on("PUT", HOOK, secretive)
    options = ("--uri", URI, "--actions", "push", "--secret", "generate", "-o", "table")
    ended = portcall("webhook", "create", *THIS, *options)
    assert ended.out == table([webhook_row(WEBHOOK)]) + "\n"
    assert "whsec_abc" in ended.err


@pytest.mark.parametrize(
    ("options", "body"),
    [
        pytest.param(("--status", "disabled"), {"properties": {"status": "disabled"}}, id="status"),
        pytest.param(("--tags", "a=1"), {"tags": {"a": "1"}}, id="tags alone"),
        pytest.param(("--tags", ""), {"tags": {}}, id="no tags"),
        pytest.param(("--headers", ""), {"properties": {"customHeaders": {}}}, id="no headers"),
        pytest.param(("--scope", ""), {"properties": {"scope": ""}}, id="no scope"),
        pytest.param(("--uri", URI), {"properties": {"serviceUri": URI}}, id="uri"),
        pytest.param(
            ("--actions", "delete", "push"),
            {"properties": {"actions": ["delete", "push"]}},
            id="actions",
        ),
        pytest.param(
            ("--secret", ""), {"properties": {"portcall": {"secret": ""}}}, id="unsigned again"
        ),
        pytest.param(
            ("--retry-schedule", "default"),
            {"properties": {"portcall": {"retrySchedule": None}}},
            id="the installation's schedule",
        ),
        pytest.param(
            ("--format", "slack"),
            {"properties": {"portcall": {"format": {"name": "slack"}}}},
            id="a format",
        ),
        pytest.param(
            ("--format", "cloudevents", "mode=binary", "types=image", "--scope", "a"),
            {
                "properties": {
                    "scope": "a",
                    "portcall": {
                        "format": {"name": "cloudevents", "mode": "binary", "types": "image"}
                    },
                }
            },
            id="a format with settings",
        ),
        pytest.param(
            ("--format", "acr"),
            {"properties": {"portcall": {"format": None}}},
            id="ACR's format",
        ),
        pytest.param(
            ("--final-answers", "acr"),
            {"properties": {"portcall": {"finalAnswers": "acr"}}},
            id="ACR's answers",
        ),
        pytest.param(
            ("--final-answers", "400", "404", "--scope", "a"),
            {"properties": {"scope": "a", "portcall": {"finalAnswers": "400,404"}}},
            id="answers in several words",
        ),
        pytest.param(
            ("--final-answers", "default"),
            {"properties": {"portcall": {"finalAnswers": None}}},
            id="the default answers",
        ),
        pytest.param(
            ("--rate-limit", "0"),
            {"properties": {"portcall": {"rateLimit": 0}}},
            id="no limit",
        ),
        pytest.param(
            (
                "--filters",
                "taggedOnly",
                "no-referrers",
                "artifactTypes=image,index",
                "--status",
                "enabled",
            ),
            {
                "properties": {
                    "status": "enabled",
                    "portcall": {
                        "filters": {
                            "taggedOnly": True,
                            "noReferrers": True,
                            "artifactTypes": ["image", "index"],
                        }
                    },
                }
            },
            id="filters",
        ),
        pytest.param(
            ("--filters", ""), {"properties": {"portcall": {"filters": {}}}}, id="no filters"
        ),
        pytest.param(
            ("--scopes", "team/**:v[0-9]*", "!team/test/**", "--scope", ""),
            {
                "properties": {
                    "scope": "",
                    "portcall": {"scopes": ["team/**:v[0-9]*", "!team/test/**"]},
                }
            },
            id="scopes",
        ),
        pytest.param(
            ("--scopes", "a/*, b/*"),
            {"properties": {"portcall": {"scopes": ["a/*", "b/*"]}}},
            id="scopes in one word",
        ),
        pytest.param(
            ("--scopes", ""), {"properties": {"portcall": {"scopes": []}}}, id="no scopes"
        ),
        pytest.param(
            ("--retry-schedule", ""),
            {"properties": {"portcall": {"retrySchedule": ""}}},
            id="no retries",
        ),
    ],
)
def test_update_sends_only_what_was_given(
    options: tuple[str, ...], body: dict[str, Any], api: FakeApi, portcall: Run
) -> None:
    api.on("PATCH", HOOK, WEBHOOK)
    assert portcall("webhook", "update", *THIS, *options).code == 0
    assert api.changes[0].body == body


def test_the_table_of_a_changed_webhook_has_its_scopes(api: FakeApi, portcall: Run) -> None:
    changed = json.loads(json.dumps(WEBHOOK))
    changed["properties"]["portcall"]["scopes"] = ["team/*", "!team/test"]
    api.on("PATCH", HOOK, changed)
    for command in (("update", *THIS, "--status", "enabled"), ("enable", *THIS)):
        ended = portcall("webhook", *command, "-o", "table")
        assert "SCOPES" in ended.out
        assert "team/* !team/test" in ended.out


def test_update_of_nothing_is_wrong_usage(api: FakeApi, portcall: Run) -> None:
    ended = portcall("webhook", "update", *THIS)
    assert (ended.code, api.asked) == (2, [])
    assert "nothing to change" in ended.err


def test_list_takes_every_page(api: FakeApi, portcall: Run) -> None:
    more = f"http://x{REG}/webhooks?$top=1000&$skipToken=b&api-version=2025-11-01"
    api.on("GET", f"{REG}/webhooks", {"value": [WEBHOOK], "nextLink": more})
    api.on("GET", f"{REG}/webhooks", {"value": [{**WEBHOOK, "name": "other"}]})
    ended = portcall("webhook", "list", "-r", "myregistry")
    assert [each["name"] for each in json.loads(ended.out)] == ["ci01hook", "other"]


def test_show_one(api: FakeApi, portcall: Run) -> None:
    api.on("GET", HOOK, WEBHOOK)
    ended = portcall("webhook", "show", *THIS, "-o", "table")
    assert ended.out == table([webhook_row(WEBHOOK)]) + "\n"


@pytest.mark.parametrize(
    ("extras", "told"),
    [
        (
            {"defaults": {"retrySchedule": ["9s", "1m"], "maxAge": "none", "disableAfter": "5d"}},
            (
                "Retries after 9s, 1m (default); maximum age none (default);"
                " disabled after 5d of failures (default)."
            ),
        ),
        (
            {"retrySchedule": [], "maxAge": "12h", "disableAfter": "none"},
            "No retries; maximum age 12h; never disabled.",
        ),
        (
            {"maxAge": "1h", "defaults": {"retrySchedule": [], "disableAfter": "none"}},
            "No retries (default); maximum age 1h; never disabled (default).",
        ),
    ],
    ids=["the installation's values", "its own", "both"],
)
def test_show_says_the_values_that_are_in_force(
    extras: dict[str, object], told: str, api: FakeApi, portcall: Run
) -> None:
    api.on("GET", HOOK, {**WEBHOOK, "properties": {"status": "enabled", "portcall": extras}})
    ended = portcall("webhook", "show", *THIS, "-o", "table")
    assert f"{told}\n" in ended.err


def test_show_of_none_is_not_found(api: FakeApi, portcall: Run) -> None:
    ended = portcall("webhook", "show", *THIS)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == "error: (ResourceNotFound) The resource was not found.\n"


@pytest.mark.parametrize(
    ("status", "told"), [(200, "Deleted the webhook ci01hook."), (204, "has no webhook ci01hook")]
)
def test_delete_succeeds_whether_it_was_there_or_not(
    status: int, told: str, api: FakeApi, portcall: Run
) -> None:
    api.on("DELETE", HOOK, status=status)
    ended = portcall("webhook", "delete", *THIS)
    assert (ended.code, ended.out) == (0, "")
    assert told in ended.err


def test_ping_prints_the_id_of_its_event(api: FakeApi, portcall: Run) -> None:
    api.on("POST", f"{HOOK}/ping", {"id": "826b"})
    assert portcall("webhook", "ping", *THIS, "-o", "table").out == "ID\n----\n826b\n"


def test_ping_of_a_disabled_webhook_tells_the_refusal(api: FakeApi, portcall: Run) -> None:
    api.on("POST", f"{HOOK}/ping", arm_error("WebhookDisabled", "It is disabled."), 409)
    ended = portcall("webhook", "ping", *THIS)
    assert (ended.code, ended.err) == (1, "error: (WebhookDisabled) It is disabled.\n")


def test_get_config_shows_uri_and_headers(api: FakeApi, portcall: Run) -> None:
    config = {"serviceUri": URI, "customHeaders": {"a": "b"}}
    api.on("POST", f"{HOOK}/getCallbackConfig", config)
    assert json.loads(portcall("webhook", "get-config", *THIS).out) == config


PROPERTIES: dict[str, Any] = dict(WEBHOOK["properties"])  # type: ignore[arg-type]
REPLACED = {
    **WEBHOOK,
    "properties": {**PROPERTIES, "actions": ["push"], "status": "disabled"},
}


def test_create_says_that_it_replaced_a_webhook_and_what_changed(
    api: FakeApi, portcall: Run
) -> None:
    api.on("GET", HOOK, WEBHOOK)
    api.on("PUT", HOOK, REPLACED)
    api.on("POST", f"{HOOK}/getCallbackConfig", {"serviceUri": "https://old.example.com/secret"})
    api.on("POST", f"{HOOK}/getCallbackConfig", {"serviceUri": URI, "customHeaders": {"A": "b"}})
    ended = portcall("webhook", "create", *THIS, "--uri", URI, "--actions", "push")
    assert (ended.code, json.loads(ended.out)) == (0, REPLACED)
    assert ended.err == (
        "Replaced the webhook ci01hook, which was there already; changed: actions (push, delete"
        " before, now push); customHeaders; serviceUri; status (enabled before, now disabled).\n"
    )


def test_create_says_that_nothing_changed_also_where_the_uri_may_not_be_read(
    api: FakeApi, portcall: Run
) -> None:
    api.on("GET", HOOK, WEBHOOK)
    api.on("PUT", HOOK, WEBHOOK)
    api.on("POST", f"{HOOK}/getCallbackConfig", arm_error("AuthorizationFailed", "No."), 403)
    ended = portcall("webhook", "create", *THIS, "--uri", URI, "--actions", "push", "delete")
    assert ended.err.endswith("which was there already; nothing changed.\n")


@pytest.mark.parametrize("command", ["create", "update"])
def test_a_webhook_that_no_request_can_reach_is_warned_of_at_once(
    command: str, api: FakeApi, portcall: Run
) -> None:
    warning = "Every request to 10.0.0.1 will be refused: PORTCALL_ALLOW_TARGETS"
    extras = {**PROPERTIES["portcall"], "warnings": [warning]}
    warned = {**WEBHOOK, "properties": {**PROPERTIES, "portcall": extras}}
    api.on("PUT", HOOK, warned)
    api.on("PATCH", HOOK, warned)
    uri = "http://10.0.0.1/hook"
    ended = portcall("webhook", command, *THIS, "--uri", uri, "--actions", "push")
    assert (ended.code, ended.err) == (0, f"Warning: {warning}\n")


@pytest.mark.parametrize(
    "words", [("X-Team",), ("A=b", "X-Team"), ("Authorization: Bearer", "t0ken")]
)
def test_a_header_without_a_value_is_refused_and_no_word_repeated(
    words: tuple[str, ...], api: FakeApi, portcall: Run
) -> None:
    ended = portcall("webhook", "update", *THIS, "--headers", *words)
    assert ended.code == 2
    number = len(words)
    assert f"--headers: word {number} of {number} has no = and a value" in ended.err
    assert words[-1] not in ended.err
    assert api.asked == []


def test_a_header_may_have_an_empty_value(api: FakeApi, portcall: Run) -> None:
    api.on("PATCH", HOOK, WEBHOOK)
    assert portcall("webhook", "update", *THIS, "--headers", "X-Team=").code == 0
    assert api.changes[0].body == {"properties": {"customHeaders": {"X-Team": ""}}}


@pytest.mark.parametrize(
    "command", [("webhook", "delete", *THIS), ("registry", "delete", "myregistry")]
)
def test_what_is_to_be_deleted_is_not_to_be_created_first(
    command: tuple[str, ...], api: FakeApi, portcall: Run
) -> None:
    api.answers.clear()
    ended = portcall(*command)
    assert ended.code == 3
    assert "create" not in ended.err
    assert "see `portcall registry list`" in ended.err


def test_try_now_names_one_delivery(api: FakeApi, portcall: Run) -> None:
    api.on("POST", f"{HOOK}/tryNow", {"eventId": "e1", "deliveryId": "msg_1", "attempt": 3})
    tried = portcall("webhook", "try-now", *THIS, "--delivery", "msg_1", "-o", "table")
    assert tried.out.splitlines()[-1].split() == ["msg_1", "e1", "3"]
    portcall("webhook", "try-now", *THIS, "--event", "e1")
    assert [each.body for each in api.asked if each.path.endswith("tryNow")] == [
        {"deliveryId": "msg_1"},
        {"eventId": "e1"},
    ]


@pytest.mark.parametrize("options", [(), ("--delivery", "msg_1", "--event", "e1")])
def test_try_now_wants_one_of_both_options(
    api: FakeApi, portcall: Run, options: tuple[str, ...]
) -> None:
    refused = portcall("webhook", "try-now", *THIS, *options)
    assert refused.code == 2
    assert "--delivery or" in refused.err
