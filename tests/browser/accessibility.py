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
