"""axe, the engine that looks at a page as the guidelines do."""

from typing import TYPE_CHECKING

from axe_playwright_python.async_playwright import Axe

if TYPE_CHECKING:
    from playwright.async_api import Page

GUIDELINES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
"""WCAG 2.2 AA, and what axe thinks well of besides."""
_AXE = Axe()


async def faults_of(page: "Page") -> list[str]:
    """What is wrong with *page* by the guidelines: the rule and the first elements."""
    found = await _AXE.run(
        page,
        options={
            "runOnly": {"type": "tag", "values": list(GUIDELINES)},
            "resultTypes": ["violations"],
        },
    )
    return [
        f"{violation['id']} ({violation['impact']}): {node['html'][:160]} | {node['failureSummary']}"
        for violation in found.response["violations"]
        for node in violation["nodes"][:3]
    ]


async def check(page: "Page") -> None:
    """Look at the page as it is: both themes, calm for whoever asks, and then narrow."""
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        faults = await faults_of(page)
        assert not faults, (scheme, faults)
    running = "document.getAnimations().filter((it) => it.playState === 'running' && it.effect.getTiming().duration > 10).length"
    assert await page.evaluate(running) == 0
    await page.set_viewport_size({"width": 360, "height": 800})
    assert await page.evaluate(_TOO_WIDE) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await page.evaluate("scrollTo(0, 0)")  # else the bar may lie over half a button
    faults = await faults_of(page)
    assert not faults, ("narrow", faults)


# What sticks out to the right, but for what scrolls in a box of its own.
_TOO_WIDE = """() => [...document.querySelectorAll("body *")]
  .filter((it) => it.getBoundingClientRect().right > innerWidth + 1 && it.checkVisibility())
  .filter((it) => !it.closest(".scroll, .wide, pre, .uplot, .hidden, .tried, .segments"))
  .map((it) => `${it.tagName}.${it.className} ${it.textContent.trim().slice(0, 40)}`).slice(0, 5)"""
