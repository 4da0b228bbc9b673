"""What every page and every file has: a policy, and nothing that it would forbid."""

import hashlib
import json
import re

import pytest

from portcall.management.console.assets import FOLDER, SERVED
from portcall.management.console.pages import POLICY
from tests.integration.console.document import Element
from tests.integration.console.site import ALPHA, CONSOLE, HOOK, Browser, Page, Site

PAGES = [
    CONSOLE,
    f"{CONSOLE}/overview/now",
    f"{CONSOLE}/registries",
    ALPHA,
    f"{ALPHA}?q=nothing-fits",
    f"{ALPHA}/delete",
    f"{ALPHA}/connect",
    f"{ALPHA}/connect/state",
    f"{ALPHA}/webhooks/new",
    HOOK,
    f"{HOOK}?status=5",
    f"{HOOK}?ping=00000000-0000-4000-8000-000000000000",
    f"{HOOK}?ping=826b111c-0000-4000-8000-000000000000",
    f"{HOOK}/edit",
    f"{HOOK}/delete",
    f"{HOOK}/rotate",
    f"{HOOK}/pings/826b111c-0000-4000-8000-000000000000",
    f"{HOOK}/records/1",
    f"{HOOK}/deliveries/826b111c-0000-4000-8000-000000000000/attempts/2",
    f"{HOOK}/deliveries/826b111c-0000-4000-8000-000000000000",
    f"{ALPHA}/events/826b111c-0000-4000-8000-000000000000",
    f"{ALPHA}/webhooks/Off001",
]
REFUSED = [
    (f"{CONSOLE}/nothing", 404),
    (f"{CONSOLE}/registries/Nothing", 404),
    (f"{ALPHA}/webhooks/Nothing", 404),
    (f"{HOOK}/records/99999999", 404),
    (f"{HOOK}/records/x", 404),
    (f"{HOOK}?status=9", 400),
    (f"{HOOK}?before=x", 400),
    (f"{HOOK}?repository={'a' * 700}", 400),
    (f"{CONSOLE}/overview/series?range=1y", 400),
    (f"{HOOK}/deliveries/nothing", 404),
    (f"{ALPHA}/events/nothing", 404),
    (f"{CONSOLE}/assets/nothing.js", 404),
    (f"{HOOK}/ping", 405),
]


def assert_lawful(page: Page) -> None:
    """No script or style but in files, and headers that say so."""
    assert page.headers["Content-Security-Policy"] == POLICY
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert page.headers["Cache-Control"] == "no-store"
    for element in page.root.walk():
        assert element.tag != "style"
        assert "style" not in element
        assert not [name for name in element.attributes if name.startswith(("on", "hx-on"))]
        if element.tag == "script":
            assert element["src"].startswith("/console/assets/")
            assert not element.children
        for name in ("href", "src", "action"):
            if name in element:
                assert not element[name].lower().startswith(("javascript:", "//", "http"))


def assert_accessible(root: Element) -> None:
    """What a machine can say of a page's names: the browser's tests say more."""
    ids = [each["id"] for each in root.walk() if "id" in each]
    assert len(ids) == len(set(ids)), sorted(each for each in ids if ids.count(each) > 1)
    labels = {each["for"] for each in root.all("label") if "for" in each}
    inside = {id(control) for label in root.all("label") for control in label.walk()}
    for control in [*root.all("input"), *root.all("select"), *root.all("textarea")]:
        if control.attributes.get("type") != "hidden" and "hidden" not in control:
            assert control.attributes.get("id") in labels or id(control) in inside, control
    for control in [*root.all("button"), *root.all("a")]:
        named = control.text or control.attributes.get("aria-label")
        assert named, control
    for element in root.walk():
        for name in ("aria-describedby", "aria-labelledby"):
            for reference in element.attributes.get(name, "").split():
                assert reference in ids, (reference, element)


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_lawful_and_named(browser: Browser, path: str) -> None:
    page = await browser.get(path)
    assert page.status == 200, page.said
    assert_lawful(page)
    assert_accessible(page.root)


@pytest.mark.parametrize(("path", "status"), REFUSED)
async def test_a_refusal_is_a_page_that_leads_on(browser: Browser, path: str, status: int) -> None:
    page = await browser.get(path)
    assert page.status == status
    assert_lawful(page)
    assert page.root.one("h1").text
    assert [each for each in page.root.one("main").all("a") if each["href"] == CONSOLE]


async def test_a_part_of_a_page_is_refused_in_a_line(browser: Browser) -> None:
    page = await browser.get(f"{ALPHA}/webhooks/Nothing", HX_Request="true")
    assert page.status == 404
    assert "<" not in page.text
    assert "was not found" in page.text


async def test_a_head_is_a_get_without_its_body(browser: Browser) -> None:
    page = await browser.ask("HEAD", HOOK)
    assert (page.status, page.text) == (200, "")


async def test_the_page_for_signing_in_is_lawful_too(site: Site) -> None:
    page = await site.browser.get(f"{CONSOLE}/sign-in")
    assert_lawful(page)
    assert_accessible(page.root)


async def test_the_scripts_may_not_evaluate(browser: Browser) -> None:
    page = await browser.get(CONSOLE)
    told = json.loads(page.root.one("meta", name="htmx-config")["content"])
    assert told["allowEval"] is False
    assert told["includeIndicatorStyles"] is False
    assert told["allowScriptTags"] is False
    assert told["selfRequestsOnly"] is True
    assert told["historyCacheSize"] == 0


async def test_what_a_page_refers_to_is_there_for_ever(browser: Browser) -> None:
    page = await browser.get(CONSOLE)
    named = set(re.findall(r'(?:src|href)="(/console/assets/[^"]+)"', page.text))
    assert len(named) >= 8
    for url in named:
        file = await browser.get(url)
        assert file.status == 200, url
        assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert hashlib.sha256(file.text.encode()).hexdigest()[:12] in url


async def test_files_are_there_for_strangers_and_nothing_else_of_the_folder(site: Site) -> None:
    page = await site.browser.get(f"{CONSOLE}/sign-in")
    (sheet,) = [
        each["href"]
        for each in page.root.all("link")
        if "console.css" in each["href"][-30:] or re.search(r"/console\.\w+\.css$", each["href"])
    ]
    assert (await site.browser.get(sheet)).status == 200
    for path in ("vendor/versions.json", "../pages.py", "%2e%2e/pages.py", "vendor/"):
        assert (await site.browser.get(f"{CONSOLE}/assets/{path}")).status in (303, 404)


def test_every_served_file_is_ours_or_listed_with_its_hash_and_licence() -> None:
    listed = json.loads((FOLDER / "vendor/versions.json").read_text())
    known = set()
    for package in listed.values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"])
        assert package["licence"] in {"0BSD", "MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0"}
        assert any("LICENSE" in name for name in package["files"])
        for name, file in package["files"].items():
            content = (FOLDER / "vendor" / name).read_bytes()
            assert hashlib.sha256(content).hexdigest() == file["sha256"], name
            known.add(name)
    there = {path.name for path in (FOLDER / "vendor").iterdir()}
    assert there == known | {"versions.json"}
    for path in FOLDER.rglob("*"):
        if path.suffix in SERVED:
            assert "://" not in re.sub(r"http://www\.w3\.org/\S+", "", path.read_text()) or (
                path.parent.name == "vendor"
            ), f"{path.name} refers elsewhere"
