"""Forms that no page of ours has sent: nothing comes of them, whatever they say."""

from collections.abc import Mapping

import pytest

from portcall.management.console.forms import MAX_FIELDS, MAX_FORM_BYTES
from portcall.management.http.routes import Route, segments_of
from tests.integration.console.site import ALPHA, CONSOLE, HOOK, SOURCE, TOKEN, Browser, Site

FORMS = [
    f"{CONSOLE}/sign-out",
    f"{CONSOLE}/registries",
    f"{CONSOLE}/dead-letters/resend",
    f"{CONSOLE}/dead-letters/purge",
    f"{ALPHA}/connect",
    f"{ALPHA}/delete",
    f"{ALPHA}/webhooks/new",
    f"{ALPHA}/check?field=uri",
    f"{ALPHA}/scope-test",
    f"{ALPHA}/format-test",
    f"{ALPHA}/add-source",
    f"{ALPHA}/add-source/fields",
    f"{SOURCE}/edit",
    f"{SOURCE}/edit/fields",
    f"{SOURCE}/rotate",
    f"{SOURCE}/delete",
    f"{HOOK}/edit",
    f"{HOOK}/ping",
    f"{HOOK}/probe",
    f"{HOOK}/enable",
    f"{HOOK}/disable",
    f"{HOOK}/rotate",
    f"{HOOK}/delete",
    f"{HOOK}/deliveries/826b111c-0000-4000-8000-000000000000/resend",
    f"{HOOK}/deliveries/826b111c-0000-4000-8000-000000000000/try-now",
]
"""Every route that takes a form, but signing in; a test sees to that."""


def state(site: Site) -> object:
    """All that a form could change."""
    webhooks = [
        [
            (row.name, row.status, row.uri, row.secret)
            for row in site.store.webhooks.list(key, limit=9)
        ]
        for key in ("alpha", "middle", "small")
    ]
    return (
        webhooks,
        site.store.sources.list("alpha"),
        [each.name for each in site.store.principals.list()],
        site.publisher.published,
        site.store.replays.list("alpha", before=None, limit=9),
        {queue: list(letters) for queue, letters in site.box.letters.items()},
    )


def test_the_list_has_every_form(site: Site) -> None:
    for route in site.routes:
        if route.method == "POST":
            fitting = [path for path in FORMS if _fits(route, path)]
            assert fitting, route.path


def _fits(route: Route, path: str) -> bool:
    segments = segments_of(path.partition("?")[0])
    return len(segments) == len(route.template) and route.parameters(segments) is not None


@pytest.mark.parametrize("csrf", ["", "wrong", "é"])
async def test_a_form_needs_the_sessions_own_token(site: Site, csrf: str) -> None:
    browser = await site.browser.sign_in()
    before = state(site)
    for path in FORMS:
        page = await browser.post(path, {"name": "Alpha"}, csrf=csrf)
        assert page.status == 403, path
        assert "another session" in page.said
    assert state(site) == before
    assert (await browser.get(CONSOLE)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
async def test_a_form_of_another_site_is_refused_though_it_has_the_token(
    site: Site, headers: Mapping[str, str]
) -> None:
    browser = await site.browser.sign_in()
    before = state(site)
    for path in FORMS:
        page = await browser.post(path, {"name": "Alpha"}, headers=headers)
        assert page.status == 403, path
    assert state(site) == before


async def test_the_token_of_another_session_is_none(site: Site) -> None:
    await site.browser.sign_in()
    theirs = site.browser.csrf
    async with site.stranger() as other:
        await other.sign_in()
        assert (await other.post(f"{HOOK}/disable", csrf=theirs)).status == 403
        assert (await other.post(f"{HOOK}/disable")).status == 303


async def test_signing_in_is_no_other_sites_doing(site: Site) -> None:
    await site.browser.get(f"{CONSOLE}/sign-in")
    for headers, csrf in (
        ({}, "wrong"),
        ({"Origin": "https://evil.example"}, None),
        ({"Sec-Fetch-Site": "cross-site"}, None),
    ):
        page = await site.browser.post(
            f"{CONSOLE}/sign-in", {"token": TOKEN}, csrf=csrf, headers=headers
        )
        assert page.status == 403
    async with site.stranger() as without_cookie:
        page = await without_cookie.post(f"{CONSOLE}/sign-in", {"token": TOKEN}, csrf="x")
        assert page.status == 403


async def test_a_form_may_bring_its_token_in_a_header(browser: Browser) -> None:
    page = await browser.post(f"{HOOK}/disable", csrf="", headers={"X-CSRF-Token": browser.csrf})
    assert page.status == 303


async def test_a_get_changes_nothing(site: Site) -> None:
    browser = await site.browser.sign_in()
    before = state(site)
    for path in FORMS:
        await browser.get(path)
    assert state(site) == before


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"x", "multipart/form-data; boundary=x", 415),
        (b"csrf=%FF%FE", "application/x-www-form-urlencoded", 400),
        ("csrf=é".encode(), "application/x-www-form-urlencoded", 400),
        (b"&".join([b"a=b"] * (MAX_FIELDS + 1)), "application/x-www-form-urlencoded", 400),
        (b"a=" + b"b" * MAX_FORM_BYTES, "application/x-www-form-urlencoded", 413),
        (b"", "application/x-www-form-urlencoded", 403),
    ],
    ids=["json", "multipart", "no UTF-8", "no ASCII", "too many fields", "too long", "empty"],
)
async def test_what_is_no_form_is_refused(
    browser: Browser, data: bytes, kind: str, status: int
) -> None:
    page = await browser.ask("POST", f"{HOOK}/disable", data=data, headers={"Content-Type": kind})
    assert page.status == status
    assert page.root.one("h1").text
