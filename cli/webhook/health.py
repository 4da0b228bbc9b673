"""A webhook's health: why it is disabled, and how to enable it by hand or by a probe."""

from collections.abc import Callable
from typing import Any

from portcall.cli.client import Document, Management, webhook_path
from portcall.cli.options import Format, Group, Name, Registry, Url
from portcall.cli.output import note, show
from portcall.cli.tables import clean, ping_row, seconds, value
from portcall.cli.webhook.rows import webhook_row_for
from portcall.schemas.webhooks import Status

_COUNTERS = (
    ("delivered", "delivered"),
    ("failed", "failed attempts"),
    ("givenUp", "given up"),
    ("cancelled", "cancelled"),
    ("refused", "refused by the receiver"),
)

_LIMITS: tuple[tuple[str, Callable[[Any], str]], ...] = (
    (
        "retrySchedule",
        lambda delays: f"retries after {', '.join(delays)}" if delays else "no retries",
    ),
    ("maxAge", lambda age: f"maximum age {age}"),
    (
        "disableAfter",
        lambda limit: (
            "never disabled" if limit == "none" else f"disabled after {limit} of failures"
        ),
    ),
)
"""Settings that have a value even if the webhook has none: the API's name, and how it is said."""


def enable_webhook(
    *,
    registry: Registry,
    name: Name,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Enable a webhook, however it was disabled."""
    management = Management.at(url)
    found = management.find_registry(registry, group)
    body = {"properties": {"status": Status.ENABLED}}
    webhook = management.ask("PATCH", webhook_path(found, name), body)
    show(webhook, webhook_row_for([webhook]), output)


def probe_webhook(
    *,
    registry: Registry,
    name: Name,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Ping an automatically disabled webhook; a 2xx response enables it again."""
    management = Management.at(url)
    found = management.find_registry(registry, group)
    show(management.ask("POST", f"{webhook_path(found, name)}/probe"), ping_row, output)


def explain(webhook: Document) -> None:
    """Print below a table its settings, and since when it is disabled or failing, and why."""
    extras = ("properties", "portcall")
    status = value(webhook, "properties", "status")
    reason = clean(value(webhook, *extras, "statusReason"))
    since = seconds(value(webhook, *extras, "statusChangedAt"))
    failing = seconds(value(webhook, *extras, "failingSince"))
    if status == Status.DISABLED and since:
        note(f"Disabled since {since}: {reason or 'by its owner'}.")
        if reason:
            note(
                "`portcall webhook probe` tests its endpoint first; `portcall webhook enable`"
                " does not."
            )
    elif failing:
        note(f"Every attempt has failed since {failing}.")
    if limits := _limits(webhook):
        note(f"{limits}.")
    if rate := value(webhook, *extras, "rateLimit"):
        note(f"At most {rate} requests per second.")
    counted = [
        f"{count} {word}"
        for key, word in _COUNTERS
        if (count := value(webhook, *extras, "counters", key))
    ]
    if counted:
        note(f"So far: {', '.join(counted)}.")


def _limits(webhook: Document) -> str:
    """Say when its deliveries are retried and given up, and when it is disabled."""
    extras = webhook.get("properties", {}).get("portcall", {})
    defaults = extras.get("defaults", {})
    told = [
        say(extras[key]) if key in extras else f"{say(defaults[key])} (default)"
        for key, say in _LIMITS
        if key in extras or key in defaults
    ]
    text = "; ".join(told)
    return f"{text[:1].upper()}{text[1:]}"
