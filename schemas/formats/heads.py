"""The headers that each POST of a format has, whatever its event is.

The deliverer sends them, and a preview shows them.
"""

from portcall import __version__
from portcall.schemas.formats.chosen import Chosen
from portcall.schemas.formats.table import ACR, JSON

OURS = f"Portcall/{__version__}"
USER_AGENT = f"{ACR.user_agent} ({OURS})"
"""Names ACR, whose format this is, and us. Firewalls refuse POSTs without any."""


def common_headers(form: Chosen | None, webhook_id: int, name: str) -> dict[str, str]:
    """The headers of each POST to a webhook, before its own custom ones replace any.

    Args:
        form: Its format; None: ACR's, and nothing beside it.
        webhook_id: Its id.
        name: Its name.

    Returns:
        ``Content-Type``, ``User-Agent`` and those of the format, without a signature.
    """
    if form is None:
        return {"Content-Type": JSON, "User-Agent": USER_AGENT}
    return {
        "Content-Type": form.content_type,
        "User-Agent": _user_agent(form),
        **form.format.headers(form.options, webhook_id, name),
    }


def _user_agent(form: Chosen) -> str:
    """Ours, after that of the sender whose form it is, where receivers check it."""
    theirs = form.format.user_agent
    return f"{theirs} ({OURS})" if theirs else OURS
