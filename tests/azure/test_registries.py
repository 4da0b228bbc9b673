"""The commands of `az acr` that Portcall serves beside its webhooks, and how others end."""

import pytest

from tests.azure.az import Az
from tests.installation import Installation, new_name


def test_a_registrys_life(az: Az, pipeline: Installation) -> None:
    name = new_name("azlife")
    free = az.acr("check-name", "--name", name).json
    assert (free["nameAvailable"], free["reason"]) == (True, None)
    made = az.acr(
        "create",
        "-n",
        name,
        "-g",
        "portcall",
        "--sku",
        "Standard",
        "-l",
        "West US",
        "--tags",
        "a=b",
    ).json
    assert made["id"] == (
        f"/subscriptions/{pipeline.ready['subscription']}/resourceGroups/portcall"
        f"/providers/Microsoft.ContainerRegistry/registries/{name}"
    )
    assert (made["name"], made["location"], made["tags"]) == (name, "westus", {"a": "b"})
    assert made["sku"] == {"name": "Standard", "tier": "Standard"}
    assert (made["provisioningState"], made["adminUserEnabled"]) == ("Succeeded", False)
    assert made["loginServer"].startswith(name.lower())
    taken = az.acr("check-name", "-n", name.upper()).json
    assert (taken["nameAvailable"], taken["reason"]) == (False, "AlreadyExists")
    assert az.acr("show", "-n", name.upper()).json == made
    changed = az.acr("update", "-n", name, "--sku", "Basic", "--tags", "c=d").json
    assert changed == {**made, "sku": {"name": "Basic", "tier": "Basic"}, "tags": {"c": "d"}}
    assert az.acr("delete", "-n", name, "--yes").out == ""
    gone = az.acr("show", "-n", name, "-g", "portcall")
    assert (gone.code, "(ResourceNotFound)" in gone.err) == (3, True)


def test_the_tables_are_azs(az: Az, registry: str) -> None:
    shown = az.acr("show", "-n", registry).json
    header = [
        "NAME",
        "RESOURCE",
        "GROUP",
        "LOCATION",
        "SKU",
        "LOGIN",
        "SERVER",
        "CREATION",
        "DATE",
        "ADMIN",
        "ENABLED",
    ]
    row = [
        registry, "portcall", shown["location"], "Premium", shown["loginServer"],
        f"{shown['creationDate'][:19]}Z", "False",
    ]  # fmt: skip
    for command in (("show", "-n", registry), ("list",), ("list", "-g", "portcall")):
        [names, _, *rows] = az.acr(*command, "-o", "table").table
        assert names.split() == header
        assert row in [line.split() for line in rows]
    [names, _, *rows] = az.acr("show-usage", "-n", registry, "-o", "table").table
    assert names.split() == ["NAME", "LIMIT", "CURRENT", "VALUE", "UNIT"]
    [webhooks] = [line.split() for line in rows if line.startswith("Webhooks")]
    assert (webhooks[1], webhooks[3]) == ("500", "Count")
    assert az.acr("check-name", "-n", registry, "-o", "table").code == 0


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        pytest.param(("create", "-n", "a-b-c-d-e", "-g", "portcall", "--sku", "Basic"), 1, "cannot contain dashes", id="bad name"),
        pytest.param(("create", "-n", "goodname", "-g", "nowhere", "--sku", "Basic"), 2, "'nowhere'", id="no group"),
        pytest.param(("create", "-n", "goodname", "-g", "portcall", "--sku", "Classic"), 2, "Classic", id="no sku"),
        pytest.param(("show", "-n", "nosuchregistry"), 1, "could not be found in subscription", id="unknown"),
        pytest.param(("list", "-g", "nowhere"), 3, "(ResourceGroupNotFound)", id="list of no group"),
        pytest.param(("show-usage", "-n", "nosuchregistry", "-g", "portcall"), 3, "(ResourceNotFound)", id="no usages"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(az: Az, command: tuple[str, ...], code: int, told: str) -> None:
    ended = az.acr(*command)
    assert (ended.code, ended.out) == (code, ""), ended.err
    assert told in ended.err


def test_what_is_not_served_is_refused_and_says_so(az: Az, registry: str) -> None:
    """Replications are Azure's machinery; no 5xx, which az would repeat for a minute."""
    ended = az.acr("replication", "list", "-r", registry)
    assert ended.code in {1, 3}
    assert "replications" in ended.err
