"""A name may be given as an argument, or by az's ``--name`` and ``-n``, for every command."""

import json
from collections.abc import Iterator

import pytest
from typer.core import TyperCommand, TyperGroup

from portcall.cli import main
from portcall.cli.commands.token import PATH
from portcall.cli.lazy import LazyCommand
from tests.unit.cli.commands.test_token import CLIENT, MADE, TOKEN
from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import REG, REGISTRY, FakeApi

FORMS = [
    pytest.param(("NAME",), id="as an argument"),
    pytest.param(("--name", "NAME"), id="by --name"),
    pytest.param(("--name=NAME",), id="by --name="),
    pytest.param(("-n", "NAME"), id="by -n"),
    pytest.param(("-nNAME",), id="by -n, in one word"),
    pytest.param(("NAME", "-n", "NAME"), id="twice, the same"),
]


def leaves(group: TyperGroup, prefix: str = "") -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    """Every command, with its full name."""
    for name, each in group.commands.items():
        found = each.load() if isinstance(each, LazyCommand) else each
        yield f"{prefix}{name}", found  # type: ignore[misc]  # there are no others
        if isinstance(found, TyperGroup):
            yield from leaves(found, f"{prefix}{name} ")


def test_every_argument_that_is_a_name_has_the_options_of_az() -> None:
    seen, lacking = [], []
    for name, command in leaves(main.command()):
        options = {word for each in command.params for word in each.opts}
        for each in command.params:
            if each.param_type_name == "argument" and (each.metavar or "").startswith("NAME"):
                seen.append(name)
                if not {"--name", "-n"} <= options or each.required:
                    lacking.append(name)
    assert lacking == []
    assert {"registry create", "registry show", "registry delete"} < set(seen)
    assert {"token create", "token revoke"} < set(seen)


def words(form: tuple[str, ...], name: str) -> list[str]:
    return [word.replace("NAME", name) for word in form]


@pytest.mark.parametrize("form", FORMS)
def test_a_registry_is_named_in_every_form(
    form: tuple[str, ...], api: FakeApi, portcall: Run
) -> None:
    api.on("PUT", REG, REGISTRY)
    api.on("DELETE", REG)
    name = words(form, "myregistry")
    assert json.loads(portcall("registry", "create", *name).out) == REGISTRY
    assert portcall("registry", "create", "--tags", "a=1", *name).code == 0
    assert json.loads(portcall("registry", "show", *name).out) == REGISTRY
    assert portcall("registry", "delete", *name, "-y").code == 0
    assert [(each.method, each.path) for each in api.changes] == [
        ("PUT", REG), ("PUT", REG), ("DELETE", REG),
    ]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_token_is_named_in_every_form(form: tuple[str, ...], api: FakeApi, portcall: Run) -> None:
    api.on("POST", PATH, MADE, 201)
    api.on("GET", PATH, {"value": [TOKEN]})
    api.on("POST", f"{PATH}/{CLIENT}/revoke", TOKEN)
    name = words(form, "ci")
    assert portcall("token", "create", *name, "--role", "reader").code == 0
    assert api.changes[0].body["name"] == "ci"
    assert portcall("token", "revoke", *name).code == 0


@pytest.mark.parametrize(
    "command",
    ["registry create", "registry show", "registry delete", "token create --role reader",
     "token revoke"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("form", "says"),
    [
        pytest.param(("first5", "--name", "other"), "two different names were given", id="two"),
        pytest.param(("other", "-n", "Other"), "two different names were given", id="by case"),
        pytest.param((), "Missing argument 'NAME'", id="none"),
    ],
)
def test_no_name_or_two_is_wrong_usage(
    command: str, form: tuple[str, ...], says: str, api: FakeApi, portcall: Run
) -> None:
    ended = portcall(*command.split(), *form)
    assert (ended.code, ended.out) == (2, "")
    assert says in ended.err
    assert api.asked == []
