"""What others wrote is shown as text, wherever it stands."""

import pytest

from portcall.management.console.words import sentence
from portcall.schemas.records import Answer, Detail, Sent
from portcall.schemas.sources import Proof, SourceKind
from portcall.store.sources.rows import SourceDraft
from tests.integration.console.site import ALPHA, CONSOLE, HOOK, SECRET, Browser, Site
from tests.integration.console.test_policy import assert_lawful

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</code></pre><script>alert(1)</script>",
    "{{ 7*7 }}{% raw %}",
    "javascript:alert(1)",
    "&lt;script&gt;",
    "<!--<script>",
    "hx-on:click=alert(1)",
]
EVENT = "</a>\"'<x>&/?#%41"
"""An event's id may be any printable ASCII: it stands in addresses, too."""


def attack(site: Site, text: str) -> None:
    detail = Detail(
        sent=Sent(f"http://example.com/?{text}", {text: text}),
        answer=Answer(200, text, {text: text}, text),
        message=text,
    )
    webhook_id = site.deliver(EVENT, detail, media_type=text)
    site.store.webhooks.patch("alpha", "Hook01", headers={"X-Hostile": text})
    site.store.webhooks.disable(webhook_id, text, 1)


@pytest.mark.parametrize("text", HOSTILE)
async def test_what_an_endpoint_wrote_is_text(site: Site, browser: Browser, text: str) -> None:
    attack(site, text)
    page = await browser.get(HOOK)
    assert_lawful(page)
    assert " ".join(sentence(text).split()) in page.said  # why it was disabled
    opener = page.root.by_id("records").all("button", aria_label="Request and response")[0]
    opened = await browser.get(opener["hx-get"])
    assert_lawful(opened)
    assert opened.said.count(" ".join(text.split())) >= 5  # URI, headers, reason, content, message
    assert_no_more(opened.text, text)
    link = page.root.by_id("records").all("a")[0]["href"]
    life = await browser.get(link)
    assert life.status == 200
    assert_lawful(life)
    assert EVENT in life.said
    edit = await browser.get(f"{HOOK}/edit")
    assert_lawful(edit)
    assert f"X-Hostile: {text}" in "".join(map(str, edit.root.by_id("headers").children))
    assert_lawful(await browser.get(ALPHA))


@pytest.mark.parametrize("text", HOSTILE)
async def test_what_was_typed_is_text(browser: Browser, text: str) -> None:
    form = dict.fromkeys(
        ("name", "uri", "headers", "scope", "schedule", "max_age", "rate", "secret", "status"), text
    )
    page = await browser.post(f"{ALPHA}/webhooks/new", form)
    assert page.status == 400
    assert_lawful(page)
    assert page.root.by_id("name")["value"] == text
    assert_no_more(page.text, text)
    for field in ("name", "uri", "headers", "scope", "rate"):
        assert_lawful(await browser.post(f"{ALPHA}/check?field={field}", form))
    assert_lawful(await browser.post(f"{ALPHA}/scope-test", form))


@pytest.mark.parametrize("text", HOSTILE)
async def test_what_was_typed_for_a_source_is_text(site: Site, browser: Browser, text: str) -> None:
    names = ("name", "secret", "networks", "option_events", "option_repository", "option_host")
    form = {"kind": "generic", "shown_kind": "generic", **dict.fromkeys(names, text)}
    for path in (f"{ALPHA}/add-source", f"{ALPHA}/add-source/fields"):
        page = await browser.post(path, form)
        assert_lawful(page)
        assert page.root.by_id("name")["value"] == text
        assert_no_more(page.text, text)
    options = {"header": text, "repository": text}
    draft = SourceDraft(SourceKind.GENERIC, Proof.HEADER, options, (text,), SECRET)
    site.store.sources.put("alpha", "odd", lambda _before, _present: draft)
    for path in (f"{ALPHA}/sources", f"{ALPHA}/sources/odd", f"{ALPHA}/sources/odd/edit"):
        page = await browser.get(path)
        assert_lawful(page)
        assert path.endswith("edit") or " ".join(text.split()) in page.said
        assert_no_more(page.text, text)


@pytest.mark.parametrize("text", HOSTILE)
async def test_what_an_address_says_is_text(browser: Browser, text: str) -> None:
    for page in (
        await browser.ask("GET", f"{CONSOLE}/registries/{text.replace('/', '%2F')}"),
        await browser.client_get(ALPHA, q=text),
        await browser.client_get(HOOK, repository=text),
        await browser.client_get(HOOK, status=text),
        await browser.client_get(HOOK, ping=text),
        await browser.client_get(f"{CONSOLE}/sign-in", next=text),
    ):
        if page.status != 303:
            assert_lawful(page)
            assert_no_more(page.text, text)


def assert_no_more(source: str, text: str) -> None:
    """The text does not stand in the source as it was written, where that would be markup."""
    if "<" in text:
        assert text not in source
