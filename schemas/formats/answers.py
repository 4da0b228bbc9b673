"""Answers: of some formats, a 2xx alone does not show that a message was taken.

Source: Slack's and Mattermost's references of incoming webhooks (``ok``); Microsoft's "Create
incoming webhooks" (an error of Teams came with the status 200).
"""

from collections.abc import Callable

Judge = Callable[[int, str], str]
"""What is wrong with a 2xx answer, of its status and content; empty: it is a success."""

_MAX_SHOWN = 80


def any_success(status: int, content: str) -> str:
    """Any 2xx."""
    del status, content
    return ""


def says_ok(status: int, content: str) -> str:
    """The content is ``ok``, or there is none."""
    said = content.strip()
    if said.lower() in ("", "ok"):
        return ""
    return f"the endpoint answered {status}, but not ok: {_shown(said)}"


def says_no_error(status: int, content: str) -> str:
    """Teams answered 202; with 200, an error may be in the content."""
    if status == 200 and "error" in content.lower():
        return f"the endpoint answered 200 with an error: {_shown(content)}"
    return ""


def _shown(content: str) -> str:
    return " ".join(content.split())[:_MAX_SHOWN]
