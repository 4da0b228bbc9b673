import pytest

from portcall.cli import options
from portcall.cli.webhook.naming import named
from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import HOOK, REG, FakeApi, arm_error

WEBHOOK = ("-r", "myregistry", "-n", "ci01hook")
UPDATE = ("webhook", "update", *WEBHOOK, "--max-age", "1h")


@pytest.mark.parametrize("setting", options.SETTINGS, ids=lambda each: each.key)
def test_every_setting_has_the_name_of_its_option(setting: options.SettingOption) -> None:
    assert setting.name.startswith("--")
    assert named(f"properties.portcall.{setting.key}") == setting.name
    assert named(setting.key) == setting.name  # in testScope and testFormat


@pytest.mark.parametrize(
    ("field", "option"),
    [
        ("properties.portcall.filters.artifactTypes[0]", "--filters artifactTypes[0]"),
        ("properties.portcall.scopes[1]", "--scopes[1]"),
        ("properties.portcall.format.mode", "--format mode"),
        ("properties.portcall.finalAnswers", "--final-answers"),
        ("properties.portcall.probe", "--probe"),
        ("properties.portcall.clientCertificate", "--client-cert"),
        ("properties.portcall.secret", "--secret"),
        ("properties.customHeaders.X-Team.v1", "--headers X-Team.v1"),
        ("properties.serviceUri", "--uri"),
        ("properties.actions[2]", "--actions[2]"),
        ("tags.k", "--tags k"),
        ("location", "--location"),
        ("body", "body"),
        ("properties", "properties"),
        ("properties.portcall.scopesToo", "properties.portcall.scopesToo"),
        ("", ""),
    ],
)
def test_a_field_is_called_as_its_option(field: str, option: str) -> None:
    assert named(field) == option


@pytest.mark.parametrize(
    ("method", "path", "command"),
    [
        pytest.param("PATCH", HOOK, UPDATE, id="update"),
        pytest.param(
            "PUT",
            HOOK,
            ("webhook", "create", *WEBHOOK, "--uri", "http://x.io", "--actions", "push"),
            id="create",
        ),
        pytest.param(
            "POST", f"{HOOK}/rotateSecret", ("webhook", "secret", "rotate", *WEBHOOK), id="rotate"
        ),
        pytest.param(
            "POST", f"{REG}/testScope", ("webhook", "test-scope", "-r", "myregistry"), id="scope"
        ),
        pytest.param(
            "POST",
            f"{REG}/testFormat",
            ("webhook", "test-format", "-r", "myregistry", "--format", "slack"),
            id="format",
        ),
    ],
)
def test_commands_name_the_option(
    method: str, path: str, command: tuple[str, ...], api: FakeApi, portcall: Run
) -> None:
    field, problem = "properties.portcall.filters.color", "is no filter"
    error = arm_error("InvalidContent", f"{field}: {problem}", target=field)
    api.on(method, path, error, 400)
    ended = portcall(*command)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "error: (InvalidContent) --filters color: is no filter\n"


def test_each_of_several_faults_is_named(api: FakeApi, portcall: Run) -> None:
    details = [
        {"code": "InvalidContent", "target": "properties.scope", "message": "is wrong"},
        {"code": "InvalidContent", "target": "properties.portcall.maxAge", "message": "is, too"},
        {"code": "InvalidContent", "target": "body", "message": "is odd"},
    ]
    api.on("PATCH", HOOK, arm_error("InvalidContent", "all of it", details=details), 400)
    lines = portcall(*UPDATE).err.splitlines()
    assert lines == [
        "error: (InvalidContent) --scope: is wrong", "--max-age: is, too", "body: is odd",
    ]  # fmt: skip


def test_other_errors_stay_as_they_are(api: FakeApi, portcall: Run) -> None:
    api.on("PATCH", HOOK, arm_error("Unauthorized", "The token is not known."), 401)
    ended = portcall(*UPDATE)
    assert ended.err == (
        "error: (Unauthorized) The token is not known."
        " Set PORTCALL_TOKEN to the administrator's token of this server.\n"
    )


def test_every_option_that_is_named_exists(portcall: Run) -> None:
    helps = [portcall(*command, "--help").out for command in COMMANDS]
    fields = ("serviceUri", "customHeaders", "caBundle", "overlap", "last", *_setting_keys())
    for field in fields:
        assert any(named(field) in each for each in helps), field


COMMANDS = (("webhook", "create"), ("webhook", "secret", "rotate"), ("webhook", "test-scope"))


def _setting_keys() -> list[str]:
    return [each.key for each in options.SETTINGS]
