"""docs/azure.md, played: its commands run, and what they print put in the place of what is there."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "azure.md"
PUSH = "<!-- An image is pushed and deleted here. -->"
CONSUMER = "http://127.0.0.1:9000"

_STEPS = re.compile(rf"({re.escape(PUSH)})|^```console\n\$ (.*)\n((?s:.*?))^```$", re.MULTILINE)
_PYTHON = re.compile(r"^```python\n((?s:.*?))^```$", re.MULTILINE)
_CHANGING = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"), "<time>"),
    (re.compile(r"sha256:[0-9a-f]{64}"), "<digest>"),
    (re.compile(r"msg_[0-9a-f]{32}"), "<delivery>"),
    (
        re.compile(
            r'"(Date|Server|webhook-timestamp|length|size|Content-Length|useragent|User-Agent)": .*'
        ),
        r'"\1": <any>',
    ),
    (re.compile(r"127\.0\.0\.1:\d+"), "<address>"),
)
"""What differs from run to run."""


def steady(text: str) -> str:
    """The text without what differs from run to run."""
    for pattern, replacement in _CHANGING:
        text = pattern.sub(replacement, text)
    return text


async def play(
    page: str, run: Callable[[str], Awaitable[str]], push: Callable[[], Awaitable[None]]
) -> str:
    """Run every step of *page* in its order, and give the page with what they print.

    Args:
        page: The text.
        run: Runs a command line, and gives what it prints.
        push: Pushes an image and deletes it.
    """
    parts, at = [], 0
    for step in _STEPS.finditer(page):
        parts.append(page[at : step.start()])
        at = step.end()
        if step[1]:
            await push()
            parts.append(step[1])
        else:
            said = (await run(step[2])).rstrip("\n")
            parts.append(
                f"```console\n$ {step[2]}\n{said}\n```" if said else f"```console\n$ {step[2]}\n```"
            )
    return "".join([*parts, page[at:]])


def snippet(page: str) -> str:
    """The page's Python."""
    [found] = _PYTHON.findall(page)
    text: str = found
    return text
