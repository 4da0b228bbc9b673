"""Visitors of the console: who has signed in, and with what kind of browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tests.browser.chromium import PATIENCE_MS
from tests.browser.watching import Watch

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, StorageState


class House:
    """Lets visitors into the console of one installation.

    Args:
        browser: What they use.
        origin: Of the console.
    """

    def __init__(self, browser: "Browser", origin: str) -> None:
        self._browser = browser
        self._origin = origin
        self._signed_in: dict[str, StorageState] = {}

    @asynccontextmanager
    async def visit(self, token: str = "", **options: Any) -> AsyncIterator["Page"]:  # noqa: ANN401 (Playwright's)
        """A browser of somebody's own, for the time of a block.

        Args:
            token: With which they have signed in; empty: they have not.
            **options: Of the browser's context, such as ``java_script_enabled``.

        Raises:
            AssertionError: At the end: a page did what none may.
        """
        state = await self._state_of(token) if token else None
        watch = Watch(self._origin)
        context = await self._browser.new_context(
            base_url=self._origin, storage_state=state, **options
        )
        try:
            context.set_default_timeout(PATIENCE_MS)
            await watch.over(context)
            yield await context.new_page()
        finally:
            await context.close()
        assert not watch.faults, watch.faults

    async def _state_of(self, token: str) -> "StorageState":
        """The cookies of a session; one for each token, as the sign-in is tested elsewhere."""
        if token not in self._signed_in:
            async with self.visit() as page:
                await sign_in(page, token)
                await page.wait_for_url("**/console")
                self._signed_in[token] = await page.context.storage_state()
        return self._signed_in[token]


async def sign_in(page: "Page", token: str) -> None:
    """Fill in the form, and send it."""
    await page.goto("/console/sign-in")
    await page.get_by_label("Token").fill(token)
    await page.get_by_role("button", name="Sign in").click()
