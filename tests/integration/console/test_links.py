"""Links that sign in once: who makes them, what they open, and that nothing else does."""

import asyncio
import re

import pytest
from aiohttp import ClientSession
from structlog.testing import capture_logs

from portcall.management.console.session import links
from portcall.management.console.session.links import LIFE_S, PREFIX, Links
from portcall.runtime.clock import now_ms
from portcall.store.access.principals import SESSION_PREFIX, Role, digest_of, new_secret
from tests.integration.console.site import CONSOLE, HOOK, TOKEN, Browser, Page, Site
from tests.integration.test_management import poll

SIGN_IN = f"{CONSOLE}/sign-in"
PATH = "/portcall/consoleLinks?api-version=2025-11-01"


async def made(site: Site, token: str = TOKEN) -> tuple[int, dict[str, str]]:
    async with (
        ClientSession(site.url, headers={"Authorization": f"Bearer {token}"}) as client,
        client.post(PATH) as answer,
    ):
        return answer.status, await answer.json()


async def code_of(site: Site, token: str = TOKEN) -> str:
    status, link = await made(site, token)
    assert status == 201, link
    return link["url"].partition("#link=")[2]


async def enter(browser: Browser, code: str) -> Page:
    await browser.get(SIGN_IN)
    return await browser.post(SIGN_IN, {"token": code})


async def test_a_link_names_the_console_and_holds_no_token(site: Site) -> None:
    status, link = await made(site)
    assert status == 201
    assert link["consoleUrl"] == f"{site.url}{CONSOLE}"
    address, _, code = link["url"].partition("#link=")
    assert address == f"{site.url}{SIGN_IN}"
    assert code.startswith(PREFIX)
    assert TOKEN not in link["url"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", link["expiresAt"])


async def test_a_link_signs_in_once(site: Site) -> None:
    code = await code_of(site)
    entered = await enter(site.browser, code)
    assert (entered.status, entered.location) == (303, CONSOLE)
    assert (await site.browser.get(f"{HOOK}/edit")).status == 200
    async with site.stranger() as second:
        refused = await enter(second, code)
        assert refused.status == 401
        assert "used already" in refused.problem("token")
        assert "portcall console" in refused.problem("token")
        assert code not in refused.text
        assert (await second.get(CONSOLE)).status == 303


async def test_of_many_at_once_one_is_let_in(site: Site) -> None:
    code = await code_of(site)
    async with site.stranger() as a, site.stranger() as b, site.stranger() as c:
        pages = await asyncio.gather(*(enter(each, code) for each in (a, b, c)))
    assert sorted(page.status for page in pages) == [303, 401, 401]


async def test_a_link_goes_on_being_used_after_its_session_has_ended(site: Site) -> None:
    code = await code_of(site)
    await enter(site.browser, code)
    await site.browser.get(CONSOLE)
    assert (await site.browser.post(f"{CONSOLE}/sign-out")).status == 303
    assert (await enter(site.browser, code)).status == 401


async def test_the_session_has_a_token_of_its_own_which_ends_with_it(site: Site) -> None:
    await enter(site.browser, await code_of(site))
    (principal,) = [
        each for each in site.store.principals.list() if each.name.startswith(SESSION_PREFIX)
    ]
    assert principal.role is Role.ADMINISTRATOR
    assert principal.expires_ms is not None
    assert principal.expires_ms - now_ms() <= 12 * 3_600_000
    await site.browser.get(CONSOLE)
    await site.browser.post(f"{CONSOLE}/sign-out")
    ended = site.store.principals.get(principal.client_id)
    assert ended is not None and ended.revoked_ms is not None


async def test_signing_out_revokes_no_token_that_a_person_made(site: Site) -> None:
    principal, secret = site.principal(Role.READER)
    browser = await site.browser.sign_in(secret)
    await browser.post(f"{CONSOLE}/sign-out")
    kept = site.store.principals.get(principal.client_id)
    assert kept is not None and kept.revoked_ms is None


@pytest.mark.parametrize(
    "name", ["console-x", "console-0123456789abcde", "console-0123456789ABCDEF", "console-"]
)
async def test_a_persons_token_may_be_named_as_the_console(site: Site, name: str) -> None:
    secret = new_secret()
    made = site.store.principals.create(name, role=Role.ADMINISTRATOR, digest=digest_of(secret))
    browser = await site.browser.sign_in(secret)
    await browser.post(f"{CONSOLE}/sign-out")
    kept = site.store.principals.get(made.client_id)
    assert kept is not None and kept.revoked_ms is None


@pytest.mark.parametrize(
    ("life_ms", "longest_ms"),
    [
        pytest.param(3_600_000, 3_600_000, id="less than a session"),
        pytest.param(86_400_000, 12 * 3_600_000, id="more than a session"),
        pytest.param(None, 12 * 3_600_000, id="for good"),
    ],
)
async def test_a_session_ends_no_later_than_the_token_that_made_the_link(
    site: Site, life_ms: int | None, longest_ms: int
) -> None:
    secret, began_ms = new_secret(), now_ms()
    site.store.principals.create(
        "short",
        role=Role.ADMINISTRATOR,
        digest=digest_of(secret),
        expires_ms=None if life_ms is None else began_ms + life_ms,
    )
    assert (await enter(site.browser, await code_of(site, secret))).status == 303
    (made,) = [
        each for each in site.store.principals.list() if each.name.startswith(SESSION_PREFIX)
    ]
    assert made.expires_ms is not None
    assert abs(made.expires_ms - began_ms - longest_ms) < 60_000
    assert life_ms is None or made.expires_ms <= began_ms + life_ms


async def test_revoking_the_sessions_token_ends_it(site: Site) -> None:
    await enter(site.browser, await code_of(site))
    (principal,) = [
        each for each in site.store.principals.list() if each.name.startswith(SESSION_PREFIX)
    ]
    site.store.principals.revoke(principal.client_id)

    async def is_out() -> bool:
        return (await site.browser.get(CONSOLE)).status == 303

    await poll(is_out)


async def test_a_link_ends_after_ten_minutes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    code = await code_of(site)
    exchange = Links.exchange

    async def later(self: Links, code: str) -> links.CodeExchange:
        before = self._clock
        self._clock = lambda: before() + LIFE_S
        try:
            return await exchange(self, code)
        finally:
            self._clock = before

    monkeypatch.setattr(Links, "exchange", later)
    refused = await enter(site.browser, code)
    assert (refused.status, "10 minutes" in refused.problem("token")) == (401, True)


async def test_a_link_ends_with_the_token_that_made_it(site: Site) -> None:
    principal, secret = site.principal(Role.ADMINISTRATOR)
    code = await code_of(site, secret)
    site.store.principals.revoke(principal.client_id)
    refused = await enter(site.browser, code)
    assert (refused.status, "was revoked" in refused.problem("token")) == (401, True)


@pytest.mark.parametrize("role", [Role.READER, Role.PUBLISHER])
async def test_only_administrators_make_links(site: Site, role: Role) -> None:
    _, secret = site.principal(role, "alpha" if role is Role.PUBLISHER else "")
    assert (await made(site, secret))[0] == 403


@pytest.mark.parametrize(
    "code",
    [
        PREFIX,
        f"{PREFIX}x",
        f"{PREFIX}{'A' * 200}",
        f"{PREFIX}{'A' * 9000}",
        f"{PREFIX}é",
        f"{PREFIX}\x00",
    ],
    ids=["empty", "short", "no seal", "too long", "no ASCII", "a null"],
)
async def test_what_is_no_code_of_ours_is_refused(site: Site, code: str) -> None:
    refused = await enter(site.browser, code)
    assert refused.status == 401
    assert "not of this installation" in refused.problem("token")


async def test_a_sealed_cookie_is_no_code_and_a_code_no_cookie(site: Site) -> None:
    browser = await site.browser.sign_in()
    cookies = {each.key: each.value for each in browser.client.cookie_jar}
    async with site.stranger() as stranger:
        assert (await enter(stranger, PREFIX + cookies["portcall_session"])).status == 401
        code = await code_of(site)
        cookie = {"Cookie": f"portcall_session={code.removeprefix(PREFIX)}"}
        assert (await stranger.ask("GET", CONSOLE, headers=cookie)).status == 303


async def test_a_code_opens_nothing_but_the_console(site: Site) -> None:
    code = await code_of(site)
    status, _ = await made(site, code)
    assert status == 401


async def test_a_code_that_was_altered_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await code_of(site)
    altered = code[:-6] + ("AAAAA=" if code[-6:] != "AAAAA=" else "BBBBB=")
    assert (await enter(site.browser, altered)).status == 401
    assert (await enter(site.browser, code)).status == 303


async def test_no_log_line_has_the_code_or_the_token(site: Site) -> None:
    with capture_logs() as lines:
        code = await code_of(site)
        await enter(site.browser, code)
        async with site.stranger() as second:
            await enter(second, code)
    said = repr(lines)
    assert "session.began" in said and "session.refused" in said
    assert code.removeprefix(PREFIX) not in said
    assert "portcall_" not in said.replace("portcall_link", "")


async def test_wrong_codes_count_as_wrong_tokens(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[object] = []
    good = await code_of(site)
    monkeypatch.setattr(site.throttle, "note_failure", counted.append)
    await enter(site.browser, f"{PREFIX}guess")
    assert len(counted) == 1
    monkeypatch.setattr(site.throttle, "refuses", lambda *_args: True)
    assert (await enter(site.browser, good)).status == 429
