"""Registries: made, listed, deleted; and the list of the webhooks of one."""

import pytest

from portcall.management.console.views.listing import PAGE
from portcall.schemas.webhooks import Cause, Sku, Status
from portcall.store.engine import Store
from tests.integration.console.site import ALPHA, CONSOLE, Browser, Site

REGISTRIES = f"{CONSOLE}/registries"
MANY = 500


async def test_a_registry_is_made_and_shown(site: Site, browser: Browser) -> None:
    form = {"name": "Another1", "sku": "Basic", "location": "westeurope"}
    page = await browser.follow(await browser.post(REGISTRIES, form))
    assert "The registry Another1 was created." in page.root.by_id("notice").text
    assert "No webhook yet" in page.said
    registry = site.store.registries.get("another1")
    assert registry is not None
    assert (registry.sku, registry.location) == (Sku.BASIC, "westeurope")
    listed = await browser.get(REGISTRIES)
    assert "Another1" in [each.text for each in listed.root.by_id("registries").all("a")]
    assert "notice" not in [each.attributes.get("id") for each in listed.root.walk()]


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"name": "ab"}, 400, "5 to 50"),
        ({"name": ""}, 400, "is required"),
        ({"name": "alpha"}, 409, "there is a registry of this name"),
        ({"name": "Another1", "sku": "Huge"}, 400, "is not known"),
        ({"name": "Another1", "location": "moon"}, 400, "is not available"),
        ({"name": "Another1", "location": ""}, 400, "is required"),
    ],
    ids=str,
)
async def test_a_registry_that_cannot_be_is_not_made(
    site: Site, browser: Browser, form: dict[str, str], status: int, said: str
) -> None:
    page = await browser.post(REGISTRIES, {"sku": "Basic", "location": "westus", **form})
    assert page.status == status
    (told,) = [each.text for each in page.root.all("p", class_="problem") if each.text]
    assert said in told
    assert page.root.by_id("name")["value"] == form["name"]
    assert len(site.store.registries.list()) == 3


async def test_a_registry_goes_when_its_name_is_written(site: Site, browser: Browser) -> None:
    asked = await browser.get(f"{ALPHA}/delete")
    assert "3 webhooks are deleted as well" in asked.said
    refused = await browser.post(f"{ALPHA}/delete", {"name": "Beta"})
    assert (refused.status, refused.problem("name")) == (400, "Type Alpha to delete it.")
    assert site.store.registries.get("alpha") is not None
    page = await browser.follow(await browser.post(f"{ALPHA}/delete", {"name": "alpha"}))
    assert "The registry Alpha was deleted." in page.said
    assert site.store.registries.get("alpha") is None


async def test_no_registry_leads_to_the_first_step(site: Site, browser: Browser) -> None:
    for registry in site.store.registries.list():
        site.store.registries.delete(registry.key)
    page = await browser.get(CONSOLE)
    assert "Start here" in page.said
    assert "portcall registry create myregistry" in page.said
    assert "No registry yet" in (await browser.get(REGISTRIES)).said


async def names(browser: Browser, query: str = "") -> list[str]:
    page = await browser.get(f"{ALPHA}{query}")
    assert page.status == 200
    return [row.one("a").text for row in page.root.by_id("webhooks").all("th", scope="row")]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Bare01", "Hook01", "Off001"]),
        ("?q=hook", ["Hook01"]),
        ("?q=EXAMPLE.com", ["Bare01", "Hook01", "Off001"]),
        ("?q=team/app", ["Hook01"]),
        ("?q=nothing", []),
        ("?show=disabled", ["Off001"]),
        ("?show=enabled", ["Bare01", "Hook01"]),
        ("?show=enabled&q=bare", ["Bare01"]),
        ("?show=unheard-of", ["Bare01", "Hook01", "Off001"]),
        ("?q=%3Cscript%3E", []),
    ],
)
async def test_a_list_is_narrowed(browser: Browser, query: str, found: list[str]) -> None:
    assert await names(browser, query) == found


async def test_an_endpoint_that_is_sick_stands_out(site: Site, browser: Browser) -> None:
    row = site.store.webhooks.get("alpha", "Bare01")
    assert row is not None
    site.store.webhooks.disable(row.id, "it answered 410 Gone", 1, Cause.GONE)
    assert await names(browser, "?show=attention") == ["Bare01"]
    page = await browser.get(ALPHA)
    (line,) = page.root.by_id("webhooks").all("tr", class_="bad")
    assert "Disabled automatically" in line.text
    assert "It answered 410 Gone." in line.text


def fill(store: Store) -> None:
    for number in range(MANY - 3):
        store.webhooks.put(
            "Alpha",
            f"filler{number:04d}",
            location="westus",
            tags={},
            uri=f"http://host{number}.example/",
            headers={},
            actions=1,
            status=Status.ENABLED if number % 7 else Status.DISABLED,
        )


async def test_five_hundred_webhooks_are_ten_pages(site: Site, browser: Browser) -> None:
    fill(site.store)
    seen: list[str] = []
    address = ""
    while True:
        page = await browser.get(f"{ALPHA}{address}")
        assert f"{MANY} of 500 webhooks" in page.said
        seen += [row.one("a").text for row in page.root.by_id("webhooks").all("th", scope="row")]
        turns = {link["rel"]: link["href"] for link in page.root.all("a") if "rel" in link}
        assert ("prev" in turns) == bool(address)
        if "next" not in turns:
            break
        address = turns["next"].removeprefix(ALPHA)
    assert len(seen) == len(set(seen)) == MANY
    assert seen == sorted(seen, key=str.lower)
    assert f"{MANY - PAGE + 1} to {MANY} of {MANY}" in page.said


@pytest.mark.parametrize(
    ("query", "first", "number"),
    [
        ("?q=filler0042", "filler0042", 1),
        ("?q=filler&page=2", "filler0050", 50),
        ("?show=disabled&page=2", "filler0350", 22),
        ("?page=10", "filler0449", 50),
        ("?page=99999", "filler0449", 50),
        ("?page=0", "Bare01", 50),
        ("?page=-1", "Bare01", 50),
        ("?page=two", "Bare01", 50),
        ("?page=%D9%A3", "Bare01", 50),
        (f"?page={'9' * 5000}", "Bare01", 50),
    ],
)
async def test_a_page_of_many(
    site: Site, browser: Browser, query: str, first: str, number: int
) -> None:
    fill(site.store)
    found = await names(browser, query)
    assert (found[0], len(found)) == (first, number)
