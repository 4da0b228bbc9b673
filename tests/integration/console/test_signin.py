"""Who gets in, for how long, and how they leave."""

import re

import pytest
from yarl import URL

from portcall.management.console import signin
from portcall.management.console.session import sessions
from portcall.management.console.session.sessions import IDLE_S, LONGEST_S, Sessions
from portcall.runtime.http.clients import MAX_FAILURES
from portcall.store.access.principals import Role
from tests.integration.console.site import ALPHA, CONSOLE, HOOK, TOKEN, Site
from tests.integration.test_management import poll

SIGN_IN = f"{CONSOLE}/sign-in"


@pytest.mark.parametrize("path", [CONSOLE, ALPHA, HOOK, f"{HOOK}/edit", f"{CONSOLE}/nothing"])
async def test_a_stranger_signs_in_first_and_comes_back(site: Site, path: str) -> None:
    page = await site.browser.get(f"{path}?q=a%26b")
    assert page.status == 303
    assert page.location.startswith(f"{SIGN_IN}?next={path}")
    form = await site.browser.get(page.location)
    back = form.root.one("input", name="next")["value"]
    assert back == f"{path}?q=a%26b"
    entered = await site.browser.post(SIGN_IN, {"token": TOKEN, "next": back})
    assert (entered.status, entered.location) == (303, back)


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example",
        "//evil.example",
        "/console.evil.example",
        "/consolex",
        "/console/\\evil",
        "/console\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "",
    ],
)
async def test_nobody_is_led_elsewhere(site: Site, back: str) -> None:
    await site.browser.get(SIGN_IN)
    entered = await site.browser.post(SIGN_IN, {"token": TOKEN, "next": back})
    assert (entered.status, entered.location) == (303, CONSOLE)


async def test_the_cookie_is_for_this_console_and_no_script(site: Site) -> None:
    await site.browser.get(SIGN_IN)
    entered = await site.browser.post(SIGN_IN, {"token": TOKEN})
    cookie = entered.cookies["portcall_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == CONSOLE
    assert not cookie["secure"]  # plain http; `test_tls` has the other
    assert not cookie["max-age"]
    assert TOKEN not in cookie.value


async def test_a_session_is_another_one_after_signing_in(site: Site) -> None:
    before = await site.browser.get(SIGN_IN)
    csrf = site.browser.csrf
    entered = await site.browser.post(SIGN_IN, {"token": TOKEN})
    assert entered.cookies["portcall_session"].value != before.cookies["portcall_session"].value
    await site.browser.get(CONSOLE)
    assert site.browser.csrf != csrf


@pytest.mark.parametrize("token", ["", "wrong", "portcall_" + "a" * 43, "eyJ.eyJ.x", "x" * 9000])
async def test_an_unknown_token_is_refused(site: Site, token: str) -> None:
    await site.browser.get(SIGN_IN)
    page = await site.browser.post(SIGN_IN, {"token": token})
    assert page.status == 401
    assert page.problem("token")
    assert page.root.by_id("token")["aria-invalid"] == "true"
    assert token == "" or token not in page.text
    assert (await site.browser.get(CONSOLE)).status == 303


async def test_a_publisher_is_told_that_there_is_nothing_to_see(site: Site) -> None:
    _, secret = site.principal(Role.PUBLISHER, "alpha")
    await site.browser.get(SIGN_IN)
    page = await site.browser.post(SIGN_IN, {"token": secret})
    assert page.status == 403
    assert "publisher's token" in page.problem("token")
    assert (await site.browser.get(CONSOLE)).status == 303


async def test_who_is_in_need_not_sign_in(site: Site) -> None:
    browser = await site.browser.sign_in()
    page = await browser.get(f"{SIGN_IN}?next={ALPHA}")
    assert (page.status, page.location) == (303, ALPHA)


async def test_signing_out_ends_the_session_not_only_the_cookie(site: Site) -> None:
    browser = await site.browser.sign_in()
    stolen = browser.client.cookie_jar.filter_cookies(URL(f"{site.url}{CONSOLE}"))
    kept = {name: morsel.value for name, morsel in stolen.items()}
    left = await browser.post(f"{CONSOLE}/sign-out")
    assert (left.status, left.location) == (303, SIGN_IN)
    assert (await browser.get(CONSOLE)).status == 303
    async with site.stranger() as thief:
        page = await thief.ask("GET", CONSOLE, cookies=kept)
        assert page.status == 303


async def test_a_session_ends_when_its_token_is_revoked(site: Site) -> None:
    principal, secret = site.principal(Role.READER)
    browser = await site.browser.sign_in(secret)
    assert (await browser.get(CONSOLE)).status == 200
    site.store.principals.revoke(principal.client_id)

    async def is_out() -> bool:
        return (await browser.get(CONSOLE)).status == 303

    await poll(is_out)
    fragment = await browser.get(f"{CONSOLE}/overview/now", HX_Request="true")
    assert fragment.status == 401
    assert fragment.headers["HX-Redirect"] == SIGN_IN


@pytest.mark.parametrize("later_s", [IDLE_S + 1, LONGEST_S + 1])
async def test_a_session_that_is_idle_ends(
    site: Site, monkeypatch: pytest.MonkeyPatch, later_s: int
) -> None:
    browser = await site.browser.sign_in()
    real = Sessions.is_over

    def is_over(self: Sessions, session: object) -> bool:
        before = self._clock
        self._clock = lambda: before() + later_s
        try:
            return real(self, session)  # type: ignore[arg-type]  # a session
        finally:
            self._clock = before

    monkeypatch.setattr(Sessions, "is_over", is_over)
    assert (await browser.get(CONSOLE)).status == 303


async def test_a_session_goes_on_with_what_is_done_by_hand_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "RENEWED_AFTER_S", 0)
    browser = await site.browser.sign_in()
    by_hand = await browser.get(CONSOLE)
    assert "portcall_session" in by_hand.cookies
    for path in (CONSOLE, f"{CONSOLE}/overview/now", f"{CONSOLE}/overview/series"):
        by_itself = await browser.get(path, X_Portcall_Poll="1")
        assert by_itself.status == 200
        assert "portcall_session" not in by_itself.cookies


async def test_a_forged_or_altered_cookie_is_none(site: Site) -> None:
    browser = await site.browser.sign_in()
    jar = browser.client.cookie_jar.filter_cookies(URL(f"{site.url}{CONSOLE}"))
    value = jar["portcall_session"].value
    for cookie in ("", "x", value[:-2] + "AA", value[::-1], "A" * 5000, "é"):
        async with site.stranger() as stranger:
            page = await stranger.ask(
                "GET", CONSOLE, headers={"Cookie": f"portcall_session={cookie}"}
            )
            assert page.status in (303, 400), cookie


async def test_too_many_wrong_tokens_must_wait_and_those_who_are_in_need_not(site: Site) -> None:
    browser = await site.browser.sign_in()
    refused = False
    for _ in range(20):  # a failure may be forgotten between the last guess and the right token
        async with site.stranger() as guesser:
            page = await guesser.get(SIGN_IN)
            for number in range(5 * MAX_FAILURES):  # they are forgotten meanwhile, too
                page = await guesser.post(SIGN_IN, {"token": f"guess-{number}"})
                if page.status == 429:
                    break
                assert page.status == 401
            assert "too many" in page.problem("token").lower()
            refused = (await guesser.post(SIGN_IN, {"token": TOKEN})).status == 429
        if refused:
            break
    assert refused, "even the right one is not looked at"
    assert (await browser.get(CONSOLE)).status == 200


async def test_a_link_of_another_site_leads_to_the_page_all_the_same(site: Site) -> None:
    page = await site.browser.get(HOOK, Sec_Fetch_Site="cross-site")
    assert page.status == 200
    assert page.root.one("meta", http_equiv="refresh")["content"] == "0"
    assert "Hook01" not in page.root.one("title").text
    again = await site.browser.get(HOOK, Sec_Fetch_Site="same-origin")
    assert again.status == 303


def test_where_one_comes_back_to_is_a_path_of_ours() -> None:
    assert re.fullmatch(r"/console", signin._back("/console?a=b#c").partition("?")[0])


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("{url}/console/registries/Alpha/webhooks/new", "/console/registries/Alpha/webhooks/new"),
        ("https://elsewhere.example/console/x", "/console"),
        ("{url}/other", "/console"),
        ("", "/console"),
    ],
)
async def test_a_form_of_an_expired_session_leads_back_to_its_page(
    site: Site, referer: str, back: str
) -> None:
    headers = {"Referer": referer.format(url=site.url)} if referer else {}
    refused = await site.browser.post(f"{ALPHA}/webhooks/new", {"name": "x"}, headers=headers)
    assert (refused.status, refused.location) == (303, f"{SIGN_IN}?next={back}")
